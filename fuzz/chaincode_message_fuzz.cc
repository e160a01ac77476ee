// Messages of a peer as a chaincode takes them: input is a run of messages, each after a length byte.
#include "base/log.h"
#include "shim/conversation_worker.h"
#include "wire/protobuf_log.h"

namespace {

class Nothing : public selvage::shim::Chaincode {
  selvage::shim::Response invoke(selvage::shim::Stub& stub) override {
    return selvage::shim::success(stub.function() + stub.creator());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), log::set_spec("fatal").has_value());
  (void)quiet;
  Nothing chaincode;
  auto conversation = std::make_shared<shim::Conversation>(
      chaincode, "basic_1:abc", [](Bytes) {}, [](std::function<void()> task) { task(); });
  conversation->start();
  BytesView rest(reinterpret_cast<const char*>(bytes), size);
  while (!rest.empty()) {
    const size_t length = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    if (!conversation->receive(rest.substr(0, length))) break;
    rest.remove_prefix(std::min(length, rest.size()));
  }
  conversation->close();
  return 0;
}
