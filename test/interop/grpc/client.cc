// gRPC's interop cases from our channel, for other people's servers.
//
//   grpc_interop_client <directory> <port>
//
// Uses the directory's certificates; prints a line a case; the exit code is the number of cases that failed.
#include <cstdio>
#include <functional>
#include <string>

#include "credentials.h"
#include "echo.pb.h"
#include "rpc/channel.h"
#include "rpc/typed.h"

namespace selvage::interop {
namespace {

using namespace grpc::testing;  // NOLINT: the service's own names
using namespace std::chrono_literals;

const std::string kService = "/grpc.testing.TestService/";
constexpr auto kLong = 20s;

bool gzip = false;
rpc::CallOptions options() { return {.timeout = kLong, .gzip = gzip}; }

std::string wrong;  // what the case at hand found
void expect(bool fine, const std::string& what) {
  if (!fine && wrong.empty()) wrong = what;
}

SimpleRequest simple(int response, int request) {
  SimpleRequest out;
  out.set_response_size(response);
  out.mutable_payload()->set_body(std::string(static_cast<size_t>(request), '\0'));
  return out;
}

StreamingOutputCallRequest output(std::initializer_list<int> sizes, int request = 0, int interval_us = 0) {
  StreamingOutputCallRequest out;
  for (int size : sizes) {
    auto* wanted = out.add_response_parameters();
    wanted->set_size(size);
    wanted->set_interval_us(interval_us);
  }
  out.mutable_payload()->set_body(std::string(static_cast<size_t>(request), '\0'));
  return out;
}

void empty_unary(rpc::Channel& channel) {
  auto reply = channel.unary(kService + "EmptyCall", "", options());
  expect(reply.has_value(), reply ? "" : reply.error().message);
}

void large_unary(rpc::Channel& channel) {
  auto reply = rpc::unary<SimpleResponse>(channel, kService + "UnaryCall", simple(314159, 271828), options());
  expect(reply && reply->payload().body().size() == 314159, reply ? "size" : reply.error().message);
}

void client_streaming(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "StreamingInputCall", options());
  for (int size : {27182, 8, 1828, 45904}) {
    StreamingInputCallRequest request;
    request.mutable_payload()->set_body(std::string(static_cast<size_t>(size), '\0'));
    expect(stream->write(request.SerializeAsString()), "write");
  }
  stream->half_close();
  StreamingInputCallResponse response;
  expect(rpc::read(*stream, &response) && response.aggregated_payload_size() == 74922, "sum");
  expect(stream->finish().ok(), "status");
}

void server_streaming(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "StreamingOutputCall", options());
  stream->write(output({31415, 9, 2653, 58979}).SerializeAsString());
  stream->half_close();
  StreamingOutputCallResponse response;
  for (size_t size : {31415, 9, 2653, 58979}) expect(rpc::read(*stream, &response) && response.payload().body().size() == size, "size");
  expect(!rpc::read(*stream, &response), "one too many");
  expect(stream->finish().ok(), "status");
}

void ping_pong(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "FullDuplexCall", options());
  const int asked[] = {31415, 9, 2653, 58979};
  const int sent[] = {27182, 8, 1828, 45904};
  for (int i = 0; i < 4; ++i) {
    stream->write(output({asked[i]}, sent[i]).SerializeAsString());
    StreamingOutputCallResponse response;
    expect(rpc::read(*stream, &response) && static_cast<int>(response.payload().body().size()) == asked[i], "size");
  }
  stream->half_close();
  expect(stream->finish().ok(), "status");
}

void empty_stream(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "FullDuplexCall", options());
  stream->half_close();
  Bytes message;
  expect(!stream->read(&message), "a message came");
  expect(stream->finish().ok(), "status");
}

void timeout_on_sleeping_server(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "FullDuplexCall", {.timeout = 1ms, .gzip = gzip});
  stream->write(output({31415}, 27182, 1000 * 1000).SerializeAsString());
  rpc::Status status = stream->finish();
  expect(status.code == Code::kDeadlineExceeded, status.to_string());
}

void cancel_after_begin(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "StreamingInputCall", options());
  stream->cancel();
  expect(stream->finish().code == Code::kCancelled, "status");
}

void cancel_after_first_response(rpc::Channel& channel) {
  auto stream = channel.stream(kService + "FullDuplexCall", options());
  stream->write(output({31415}, 27182).SerializeAsString());
  Bytes message;
  expect(stream->read(&message), "no answer");
  stream->cancel();
  expect(stream->finish().code == Code::kCancelled, "status");
}

void custom_metadata(rpc::Channel& channel) {
  const Bytes raw("\xab\xab\xab", 3);
  rpc::CallOptions carrying = options();
  carrying.metadata = {{"x-grpc-test-echo-initial", "test_initial_metadata_value"}, {"x-grpc-test-echo-trailing-bin", raw}};
  rpc::UnaryReply reply = channel.call(kService + "UnaryCall", simple(1, 1).SerializeAsString(), carrying);
  expect(reply.headers.first("x-grpc-test-echo-initial") == "test_initial_metadata_value", "unary header");
  expect(reply.trailers.first("x-grpc-test-echo-trailing-bin") == raw, "unary trailer");
  auto stream = channel.stream(kService + "FullDuplexCall", carrying);
  stream->write(output({1}, 1).SerializeAsString());
  stream->half_close();
  Bytes message;
  expect(stream->read(&message), "no answer");
  expect(stream->finish().ok(), "status");
  expect(stream->headers().first("x-grpc-test-echo-initial") == "test_initial_metadata_value", "stream header");
  expect(stream->trailers().first("x-grpc-test-echo-trailing-bin") == raw, "stream trailer");
}

void expect_status(rpc::Channel& channel, Code code, const std::string& text) {
  SimpleRequest request;
  request.mutable_response_status()->set_code(static_cast<int>(code));
  request.mutable_response_status()->set_message(text);
  rpc::UnaryReply reply = channel.call(kService + "UnaryCall", request.SerializeAsString(), options());
  expect(reply.status.code == code && reply.status.message == text, reply.status.to_string());
  StreamingOutputCallRequest streamed;
  *streamed.mutable_response_status() = request.response_status();
  auto stream = channel.stream(kService + "FullDuplexCall", options());
  stream->write(streamed.SerializeAsString());
  stream->half_close();
  rpc::Status status = stream->finish();
  expect(status.code == code && status.message == text, status.to_string());
}

void status_code_and_message(rpc::Channel& channel) { expect_status(channel, Code::kUnknown, "test status message"); }

void special_status_message(rpc::Channel& channel) {
  expect_status(channel, Code::kUnknown, "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n");
}

void unimplemented_method(rpc::Channel& channel) {
  expect(channel.call(kService + "UnimplementedCall", "", options()).status.code == Code::kUnimplemented, "status");
}

void unimplemented_service(rpc::Channel& channel) {
  rpc::UnaryReply reply = channel.call("/grpc.testing.UnimplementedService/UnimplementedCall", "", options());
  expect(reply.status.code == Code::kUnimplemented, reply.status.to_string());
}

int run(int argc, char** argv) {
  if (argc < 3) return 2;
  gzip = argc > 3 && std::string_view(argv[3]) == "--gzip";
  auto context = std::make_shared<tls::ClientContext>(credentials(argv[1], "client"), trust(argv[1]));
  auto channel = rpc::Channel::make({.targets = {std::string("localhost:") + argv[2]}, .tls = context});
  if (auto ready = channel->wait_ready(10s); !ready) {
    std::printf("FAIL connect: %s\n", to_string(ready.error()).c_str());
    return 1;
  }
  const std::pair<const char*, void (*)(rpc::Channel&)> cases[] = {
      {"empty_unary", empty_unary},
      {"large_unary", large_unary},
      {"client_streaming", client_streaming},
      {"server_streaming", server_streaming},
      {"ping_pong", ping_pong},
      {"empty_stream", empty_stream},
      {"timeout_on_sleeping_server", timeout_on_sleeping_server},
      {"cancel_after_begin", cancel_after_begin},
      {"cancel_after_first_response", cancel_after_first_response},
      {"custom_metadata", custom_metadata},
      {"status_code_and_message", status_code_and_message},
      {"special_status_message", special_status_message},
      {"unimplemented_method", unimplemented_method},
      {"unimplemented_service", unimplemented_service},
  };
  int failed = 0;
  for (const auto& [name, body] : cases) {
    wrong.clear();
    body(*channel);
    std::printf("%s %s%s%s\n", wrong.empty() ? "ok  " : "FAIL", name, wrong.empty() ? "" : ": ", wrong.c_str());
    failed += wrong.empty() ? 0 : 1;
  }
  return failed;
}

}  // namespace
}  // namespace selvage::interop

int main(int argc, char** argv) { return selvage::interop::run(argc, argv); }
