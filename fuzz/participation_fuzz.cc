// Requests to an orderer's channel participation API. The first three lines of the input: method and path, Accept,
// Content-Type; the rest is the body. A second request asks what there is now.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "http/message.h"
#include "input.h"
#include "kit/channels.h"
#include "kit/faulty_disk.h"
#include "order/participation.h"
#include "os/system_clock.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;

class Nobody final : public order::BlockSource {
 public:
  Result<uint64_t> newest_height(const channel::Bundle&) override { return fail(Code::kUnavailable, "nobody"); }
  Result<common::Block> newest_config(const channel::BundlePtr&) override { return fail(Code::kUnavailable, "nobody"); }
  Status pull(Position, uint64_t, const channel::BundlePtr&, const Take&) override {
    return fail(Code::kUnavailable, "nobody");
  }
  void stop() override {}
};

std::string take_line(BytesView& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string line(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void ask(const order::ParticipationRequest& request, order::Registrar& registrar) {
  const auto answered = order::answer(request, registrar);
  if (answered.status < 200 || answered.status > 599) std::abort();
  for (const auto& [name, value] : answered.headers) {
    if (value == "application/json" && !nlohmann::json::accept(answered.body)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static test::Channel& channel = *new test::Channel;
  BytesView rest = fuzz::view_of(bytes, size);
  order::ParticipationRequest request;
  request.path = take_line(rest);
  const size_t space = std::min(request.path.find(' '), request.path.size());
  request.method = request.path.substr(0, space);
  request.path.erase(0, std::min(space + 1, request.path.size()));
  request.accept = take_line(rest);
  request.content_type = take_line(rest);
  if (request.content_type.starts_with("multipart/form-data")) {
    if (auto parts = http::parse_multipart(request.content_type, rest); parts) {
      for (auto& part : *parts)
        request.form->push_back({std::move(part.name), !part.file_name.empty(), std::move(part.body)});
    } else {
      request.form = fail(parts.error());
    }
  }
  test::FaultyDisk disk;
  test::SeededRandom random;
  order::Registrar::Parts parts{disk,
                                random,
                                os::system_clock(),
                                metrics::disabled(),
                                wire::signer_of(channel.orderer().orderer()),
                                channel.consenter_tls().certificate,
                                nullptr,
                                nullptr,
                                nullptr};
  parts.make_source = [](const std::string&) { return std::make_unique<Nobody>(); };
  auto registrar = order::Registrar::open(
      {.ledger_directory = "/data", .wal_directory = "/wal", .snapshot_directory = "/snap"}, parts);
  if (!registrar) std::abort();
  (*registrar)->start();
  ask(request, **registrar);
  request = {};
  request.method = "GET";
  request.path = "/participation/v1/channels";
  ask(request, **registrar);
  return 0;
}
