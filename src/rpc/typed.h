// Handlers and calls over protobuf messages instead of bytes. Templates over anything with ParseFromString and
// SerializeAsString; includes no protobuf header.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rpc/channel.h"
#include "rpc/server.h"

namespace selvage::rpc {

// grpc-go's words for a request that is not the message it should be.
[[nodiscard]] inline Status unparsable() {
  return {Code::kInternal, "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data"};
}

// fn: Status(ServerCall&, const Request&, Response*). What it returns ends the call.
template <class Request, class Response, class Fn>
void add_unary(Server& server, const std::string& path, Fn fn, Run where = Run::kOnWorker) {
  server.add_unary(
      path,
      [fn = std::move(fn)](std::shared_ptr<ServerCall> call, Bytes bytes) {
        Request request;
        if (!request.ParseFromString(bytes)) return call->finish(unparsable());
        Response response;
        Status status = fn(*call, std::as_const(request), &response);
        if (!status.ok()) return call->finish(std::move(status));
        call->reply(response.SerializeAsString());
      },
      where);
}

// A blocking stream of messages. read(): false also when the client sent what is no Request (see bad()).
template <class Request, class Response>
class TypedStream {
 public:
  explicit TypedStream(BlockingStream& stream) : stream_(stream) {}
  [[nodiscard]] ServerCall& call() { return stream_.call(); }
  bool read(Request* request) {
    Bytes bytes;
    if (!stream_.read(&bytes)) return false;
    if (request->ParseFromString(bytes)) return true;
    bad_ = true;
    return false;
  }
  bool write(const Response& response) { return stream_.write(response.SerializeAsString()); }
  [[nodiscard]] bool bad() const { return bad_; }

 private:
  BlockingStream& stream_;
  bool bad_ = false;
};

// fn: Status(TypedStream<Request, Response>&).
template <class Request, class Response, class Fn>
void add_stream(Server& server, const std::string& path, Fn fn) {
  server.add_blocking_stream(path, [fn = std::move(fn)](BlockingStream& raw) -> Status {
    TypedStream<Request, Response> stream(raw);
    Status status = fn(stream);
    return stream.bad() ? unparsable() : status;
  });
}

template <class Response, class Request>
[[nodiscard]] Result<Response> unary(Channel& channel, const std::string& method, const Request& request,
                                     const CallOptions& options = {}) {
  SELVAGE_TRY(Bytes bytes, channel.unary(method, request.SerializeAsString(), options));
  Response response;
  if (!response.ParseFromString(bytes)) return fail(Code::kInternal, "grpc: failed to unmarshal the received message");
  return response;
}

// False: the call is over (finish() tells why), or what came is no Response (then the call is cancelled).
template <class Response>
bool read(ClientStream& stream, Response* response) {
  Bytes bytes;
  if (!stream.read(&bytes)) return false;
  if (response->ParseFromString(bytes)) return true;
  stream.cancel();
  return false;
}

}  // namespace selvage::rpc
