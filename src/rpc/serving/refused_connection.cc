#include "rpc/serving/refused_connection.h"

#include <nghttp2/nghttp2.h>

#include "rpc/http2/text.h"

namespace selvage::rpc {
namespace {

constexpr size_t kBytesMax = 16u << 10;
constexpr uint32_t kStreamsMax = 8;
constexpr int kFramesMax = 256;
constexpr auto kTimeMax = std::chrono::seconds(2);
constexpr auto kAnswerAfter = std::chrono::milliseconds(300);  // a client that sends headers and then waits

// One call: its headers and bytes are counted and forgotten.
class RefusedStream final : public Stream {
 public:
  explicit RefusedStream(RefusedConnection& owner) : Stream(kBytesMax), owner_(owner) {}
  void on_header(std::string_view, std::string_view) override {}
  void on_headers_end(bool) override {}
  void on_stream_closed(uint32_t) override {}
  void on_taken(size_t) override {}
  void answer() {
    if (connection == nullptr || std::exchange(answered_, true)) return;
    owner_.answer(*this);
    drop_undelivered();
  }

 protected:
  void on_message(Bytes) override { answer(); }
  void on_remote_end() override { answer(); }
  void on_bad_message(const Status&) override { answer(); }

 private:
  RefusedConnection& owner_;  // valid while Stream::connection is not null
  bool answered_ = false;
};

Connection::Options bounded() {
  Connection::Options options;
  options.server = true;
  options.streams_max = kStreamsMax;
  options.metadata_bytes_max = kBytesMax;
  options.partial_bytes_max = kBytesMax;
  return options;
}

}  // namespace

RefusedConnection::RefusedConnection(os::EventLoop& loop, std::shared_ptr<Transport> transport, std::string sentence,
                                     std::shared_ptr<void> permit, Gone gone)
    : Connection(loop, bounded()), sentence_(std::move(sentence)), permit_(std::move(permit)), gone_(std::move(gone)) {
  transport_ = std::move(transport);
}

RefusedConnection::~RefusedConnection() {
  loop_.cancel(end_timer_);
  loop_.cancel(silent_timer_);
}

void RefusedConnection::start() {
  transport_->set_owner(this);
  end_timer_ = loop_.after(kTimeMax, [this] {
    end_timer_ = 0;
    cut();
  });
  start_http2();
}

void RefusedConnection::cut() { close_orderly("refused"); }

void RefusedConnection::on_bytes(BytesView plaintext) {
  received_ += plaintext.size();
  if (received_ > kBytesMax) return cut();
  Connection::on_bytes(plaintext);
}

void RefusedConnection::on_frame(uint8_t type, uint8_t, int32_t, size_t) {
  if (++frames_ > kFramesMax) return cut();
  // Fabric quirk: an answer at HEADERS, before the client's first bytes, is lost on Go clients, which then report EOF
  // (google.golang.org/grpc/internal/transport); so it waits for DATA, the end of the stream, or a while.
  if (type != NGHTTP2_HEADERS || silent_timer_ != 0) return;
  silent_timer_ = loop_.after(kAnswerAfter, [this] {
    silent_timer_ = 0;
    auto streams = streams_;
    for (auto& [id, stream] : streams) static_cast<RefusedStream&>(*stream).answer();
  });
}

std::shared_ptr<Stream> RefusedConnection::begin_stream(int32_t) {
  if (said_goodbye_ || stream_count() >= kStreamsMax) return nullptr;
  return std::make_shared<RefusedStream>(*this);
}

void RefusedConnection::answer(Stream& stream) {
  const std::string status = std::to_string(static_cast<int>(Code::kUnauthenticated));
  const std::string message = percent_encode(sentence_);
  submit_response(stream,
                  {{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", status}, {"grpc-message", message}},
                  true);
  if (std::exchange(said_goodbye_, true)) return;
  submit_goaway(last_remote_stream(), NGHTTP2_NO_ERROR, "");
}

void RefusedConnection::on_stream_gone() {
  if (said_goodbye_ && stream_count() == 0) close_orderly("refused", true);
}

void RefusedConnection::on_end(const std::string&) {
  loop_.cancel(std::exchange(end_timer_, 0));
  loop_.cancel(std::exchange(silent_timer_, 0));
  // Callbacks of this connection are on the stack: it goes when they are through.
  loop_.post([self = std::static_pointer_cast<RefusedConnection>(shared_from_this())] {
    self->permit_.reset();
    if (auto gone = std::exchange(self->gone_, nullptr)) gone(self);
  });
}

}  // namespace selvage::rpc
