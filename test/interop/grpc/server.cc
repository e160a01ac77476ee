// gRPC's interop service on our server, for other people's clients.
//
//   grpc_interop_server <directory> [--one-way]
//
// Makes certificates in the directory, prints "listening <port>", serves until its standard input ends.
#include <cstdio>
#include <cstring>
#include <thread>

#include "credentials.h"
#include "echo.pb.h"
#include "rpc/health.h"
#include "rpc/server.h"
#include "rpc/typed.h"

namespace selvage::interop {
namespace {

using namespace grpc::testing;  // NOLINT: the service's own names

rpc::Status asked(const EchoStatus& status) { return {static_cast<Code>(status.code()), status.message()}; }

void echo_metadata(rpc::ServerCall& call) {
  if (auto value = call.metadata().first("x-grpc-test-echo-initial")) call.add_header("x-grpc-test-echo-initial", Bytes(*value));
  if (auto value = call.metadata().first("x-grpc-test-echo-trailing-bin")) {
    call.add_trailer("x-grpc-test-echo-trailing-bin", Bytes(*value));
  }
}

void add_service(rpc::Server& server) {
  const std::string service = "/grpc.testing.TestService/";
  server.add_unary(service + "EmptyCall", [](auto call, Bytes) { call->reply(""); });
  rpc::add_unary<SimpleRequest, SimpleResponse>(
      server, service + "UnaryCall", [](rpc::ServerCall& call, const SimpleRequest& request, SimpleResponse* response) -> rpc::Status {
        echo_metadata(call);
        if (request.response_status().code() != 0) return asked(request.response_status());
        response->mutable_payload()->set_body(std::string(static_cast<size_t>(request.response_size()), '\0'));
        return {};
      });
  using Output = rpc::TypedStream<StreamingOutputCallRequest, StreamingOutputCallResponse>;
  auto answer = [](Output& stream, const StreamingOutputCallRequest& request) {
    for (const ResponseParameters& wanted : request.response_parameters()) {
      std::this_thread::sleep_for(std::chrono::microseconds(wanted.interval_us()));
      StreamingOutputCallResponse response;
      response.mutable_payload()->set_body(std::string(static_cast<size_t>(wanted.size()), '\0'));
      if (!stream.write(response)) return false;
    }
    return true;
  };
  rpc::add_stream<StreamingOutputCallRequest, StreamingOutputCallResponse>(
      server, service + "StreamingOutputCall", [answer](Output& stream) -> rpc::Status {
        StreamingOutputCallRequest request;
        if (stream.read(&request)) answer(stream, request);
        return {};
      });
  rpc::add_stream<StreamingOutputCallRequest, StreamingOutputCallResponse>(
      server, service + "FullDuplexCall", [answer](Output& stream) -> rpc::Status {
        echo_metadata(stream.call());
        for (StreamingOutputCallRequest request; stream.read(&request);) {
          if (request.response_status().code() != 0) return asked(request.response_status());
          if (!answer(stream, request)) break;
        }
        return {};
      });
  using Input = rpc::TypedStream<StreamingInputCallRequest, StreamingInputCallResponse>;
  rpc::add_stream<StreamingInputCallRequest, StreamingInputCallResponse>(
      server, service + "StreamingInputCall", [](Input& stream) -> rpc::Status {
        StreamingInputCallResponse response;
        for (StreamingInputCallRequest request; stream.read(&request);) {
          response.set_aggregated_payload_size(response.aggregated_payload_size() + static_cast<int>(request.payload().body().size()));
        }
        stream.write(response);
        return {};
      });
}

int run(int argc, char** argv) {
  if (argc < 2) return 2;
  make_certificates(argv[1]);
  rpc::ServerSettings settings;
  settings.listen_address = "127.0.0.1:0";
  settings.name = "Interop";
  tls::ServerPolicy policy;
  if (argc > 2 && std::strcmp(argv[2], "--one-way") == 0) policy.client_auth = tls::ClientAuth::kRequest;
  settings.tls = std::make_shared<tls::ServerContext>(credentials(argv[1], "server"), trust(argv[1]), policy);
  rpc::Server server(settings);
  add_service(server);
  rpc::Health health;
  health.add_to(server);
  auto started = server.start();
  if (!started) {
    std::fprintf(stderr, "%s\n", to_string(started.error()).c_str());
    return 1;
  }
  std::printf("listening %d\n", server.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  server.stop(std::chrono::seconds(2));
  return 0;
}

}  // namespace
}  // namespace selvage::interop

int main(int argc, char** argv) { return selvage::interop::run(argc, argv); }
