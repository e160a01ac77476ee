#include "gateway/gateway_service.h"

#include "rpc/typed.h"
#include "wire/marshal.h"

namespace selvage::gateway {
namespace {

rpc::Status status_of(const CallError& error) {
  rpc::Status status{error.code, error.message};
  for (const auto& detail : error.details)
    status.details.push_back({"type.googleapis.com/gateway.ErrorDetail", wire::marshal(detail)});
  return status;
}

// serve: (Request, Cancelled, Answered<Response>), which may answer later.
template <class Request, class Response, class Serve>
void add(rpc::Server& server, const std::string& path, Serve serve) {
  server.add_unary(path, [serve = std::move(serve)](std::shared_ptr<rpc::ServerCall> call, Bytes bytes) {
    Request request;
    if (!wire::parse_into(bytes, request)) return call->finish(rpc::unparsable());
    auto cancellation = std::make_shared<Cancellation>();
    call->on_cancelled([cancellation] { cancellation->cancel(); });
    serve(std::move(request), std::move(cancellation),
          [call](std::variant<Response, CallError> answer) {
            if (const auto* error = std::get_if<CallError>(&answer)) return call->finish(status_of(*error));
            call->reply(wire::marshal(std::get<Response>(answer)));
          });
  });
}

}  // namespace

void add_gateway_service(rpc::Server& server, const CallParts& calls, const SubmitParts& submission) {
  add<::gateway::EvaluateRequest, ::gateway::EvaluateResponse>(
      server, "/gateway.Gateway/Evaluate", [calls](auto request, auto cancelled, auto done) {
        evaluate(calls, std::move(request), std::move(cancelled), std::move(done));
      });
  add<::gateway::EndorseRequest, ::gateway::EndorseResponse>(
      server, "/gateway.Gateway/Endorse", [calls](auto request, auto cancelled, auto done) {
        endorse(calls, std::move(request), std::move(cancelled), std::move(done));
      });
  add<::gateway::SubmitRequest, ::gateway::SubmitResponse>(
      server, "/gateway.Gateway/Submit", [submission](auto request, auto cancelled, auto done) {
        submit(submission, std::move(request), std::move(cancelled), std::move(done));
      });
}

}  // namespace selvage::gateway
