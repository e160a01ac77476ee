// Messages of a chaincode as a peer takes them: input is a run of messages, each after two bytes of length. What the
// chaincode asks for while no transaction is on the way must be refused, never served.
#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "chaincode/session/deadlines_worker.h"
#include "chaincode/session/shim_session.h"
#include "wire/protobuf_log.h"

namespace {

class Nowhere final : public selvage::chaincode::ShimTransport {
  bool send(selvage::Bytes) override { return true; }
  void close() override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), log::set_spec("fatal").has_value());
  (void)quiet;
  static chaincode::Deadlines deadlines;
  auto session = std::make_shared<chaincode::ShimSession>(
      chaincode::SessionSettings{}, "basic:abc",
      chaincode::ShimSession::Parts{nullptr, metrics::disabled(), deadlines, [](const std::function<void()>& task) { task(); }});
  session->attach(std::make_unique<Nowhere>());
  BytesView rest(reinterpret_cast<const char*>(bytes), size);
  while (rest.size() >= 2) {
    const size_t length = static_cast<unsigned char>(rest[0]) << 8 | static_cast<unsigned char>(rest[1]);
    rest.remove_prefix(2);
    if (!session->on_message(rest.substr(0, length))) break;
    rest.remove_prefix(std::min(length, rest.size()));
  }
  session->on_closed("EOF");
  return 0;
}
