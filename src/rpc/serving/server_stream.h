// One call on the server's side of a connection: request checks, the handler, deadline, status. Loop's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "os/event_loop.h"
#include "rpc/call.h"
#include "rpc/http2/stream.h"

namespace selvage::rpc {

class CallHandle;
class Method;
class ServerConnection;

class ServerStream final : public Stream {
 public:
  explicit ServerStream(ServerConnection& connection);
  ~ServerStream() override;

  // What the handle asks for.
  void add_header(std::string key, Bytes value);
  void add_trailer(std::string key, Bytes value);
  void write(Bytes message, bool compressed = false);
  void finish(Status status);
  [[nodiscard]] Result<Bytes> export_key(const std::string& label, const Bytes& context, size_t length);
  // By the connection when the last byte of the outbox is taken.
  void send_trailers();

  void on_header(std::string_view name, std::string_view value) override;
  void on_headers_end(bool end_stream) override;
  void on_stream_closed(uint32_t error) override;
  void on_taken(size_t bytes) override;

 protected:
  void on_message(Bytes message) override;
  void on_remote_end() override;
  void on_bad_message(const Status& why) override;

 private:
  [[nodiscard]] ServerConnection* server() const;
  void begin();
  void dispatch_unary();
  // An answer that is HTTP's rather than gRPC's (405, 415), with a gRPC status for those that look for it.
  void refuse_request(const char* http_status, Status status);
  void answer_refused();
  // The call ends by no doing of its handler.
  void cancel(const Status& why);
  void finish(Status status, bool cancelled);
  void over(const Status& status, bool cancelled);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> trailer_fields() const;

  ServerConnection& owner_;  // valid while Stream::connection is not null
  os::EventLoop& loop_;
  std::string path_, http_method_, content_type_, timeout_;
  Metadata metadata_;
  Metadata headers_out_, trailers_out_;
  bool began_ = false;
  bool headers_sent_ = false;
  bool gzip_asked_ = false;    // the request says that it is in gzip
  bool gzip_refused_ = false;  // and that its sender cannot read gzip
  bool gzip_ = false;          // as Go does: the answer is in what the request was in
  bool finished_ = false;
  const char* http_status_ = nullptr;  // of a request that is no gRPC call
  SteadyTime start_{};
  std::optional<SteadyTime> deadline_;
  os::EventLoop::TimerId deadline_timer_ = 0;
  Method* method_ = nullptr;
  std::optional<Bytes> request_;
  std::weak_ptr<CallHandle> handle_;
  std::shared_ptr<CallHandle> unary_call_;  // until the request is whole
  std::unique_ptr<StreamHandler> handler_;
  std::shared_ptr<const Peer> peer_;
  Status status_;
};

}  // namespace selvage::rpc
