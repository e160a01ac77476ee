#include "rpc/serving/server_call.h"

#include "rpc/http2/gzip.h"
#include "rpc/http2/message_reader.h"
#include "rpc/serving/server_stream.h"

namespace selvage::rpc {

CallHandle::CallHandle(os::EventLoop& loop, std::weak_ptr<ServerStream> stream, Facts facts)
    : LoopHandle(loop, std::move(stream)), facts_(std::move(facts)) {}

CallHandle::~CallHandle() {
  if (over_ || finished_) return;
  loop_.post([weak = call_] {
    if (auto stream = weak.lock()) stream->finish({Code::kUnknown, "handler ended the call without a status"});
  });
}

void CallHandle::run(ServerStream& stream, CallOp& op) {
  switch (op.kind) {
    case CallOp::kHeader:
      return stream.add_header(std::move(op.key), std::move(op.bytes));
    case CallOp::kTrailer:
      return stream.add_trailer(std::move(op.key), std::move(op.bytes));
    case CallOp::kWrite:
      return stream.write(std::move(op.bytes), op.compressed);
    case CallOp::kFinish:
      return stream.finish(std::move(op.status));
    case CallOp::kPause:
      return stream.pause();
    case CallOp::kResume:
      return stream.resume();
  }
}

bool CallHandle::admit(const CallOp& op) {
  if (finished_) return false;
  if (op.kind == CallOp::kFinish) finished_ = true;
  if (op.kind == CallOp::kWrite) {
    size_t bytes = kPrefixBytes + op.bytes.size();
    if (facts_.queued->fetch_add(bytes) + bytes > facts_.write_high_bytes) was_high_ = true;
  }
  return true;
}

void CallHandle::end(bool cancelled) {
  if (cancelled) cancelled_ = true;
  std::shared_ptr<void> token;
  std::function<void()> notice;
  {
    std::lock_guard lock(mutex_);
    take_no_more();
    notice.swap(notice_);
    // A cancelled call still occupies its handler: its place in the service's limit is free when the handler lets go.
    if (!cancelled) token.swap(facts_.token);
  }
  facts_.queued->store(0);
  // The stream is on the stack.
  if (cancelled && notice) loop_.defer(std::move(notice));
}

void CallHandle::on_cancelled(std::function<void()> notice) {
  {
    std::lock_guard lock(mutex_);
    if (!over_) {
      notice_.swap(notice);
      return;  // the one before goes with the parameter, after the lock
    }
  }
  if (cancelled()) notice();
}

void CallHandle::add_header(std::string_view key, Bytes value) {
  apply({CallOp::kHeader, std::string(key), std::move(value), {}});
}
void CallHandle::add_trailer(std::string_view key, Bytes value) {
  apply({CallOp::kTrailer, std::string(key), std::move(value), {}});
}
void CallHandle::write(Bytes message) {
  // Here and not in the stream: the caller is most often a thread that may take its time.
  bool compress = facts_.gzip && !message.empty() && !cancelled();
  if (compress) message = gzip(message);
  apply({CallOp::kWrite, {}, std::move(message), {}, compress});
}
void CallHandle::finish(Status status) { apply({CallOp::kFinish, {}, {}, std::move(status)}); }
void CallHandle::pause() { apply({CallOp::kPause, {}, {}, {}}); }
void CallHandle::resume() { apply({CallOp::kResume, {}, {}, {}}); }

void CallHandle::reply(Bytes message) {
  write(std::move(message));
  finish({});
}

Result<Bytes> CallHandle::export_keying_material(const std::string& label, const Bytes& context, size_t length) {
  return ask_for_key(label, context, length);
}

}  // namespace selvage::rpc
