#include "rpc/serving/server_call.h"

#include <future>

#include "rpc/http2/gzip.h"
#include "rpc/http2/message_reader.h"
#include "rpc/serving/server_stream.h"

namespace selvage::rpc {

CallHandle::CallHandle(os::EventLoop& loop, std::weak_ptr<ServerStream> stream, Facts facts)
    : loop_(loop), stream_(std::move(stream)), facts_(std::move(facts)) {}

CallHandle::~CallHandle() {
  if (over_ || finished_) return;
  loop_.post([weak = stream_] {
    if (auto stream = weak.lock()) stream->finish({Code::kUnknown, "handler ended the call without a status"});
  });
}

void CallHandle::run(ServerStream& stream, Op& op) {
  switch (op.kind) {
    case Op::kHeader:
      return stream.add_header(std::move(op.key), std::move(op.bytes));
    case Op::kTrailer:
      return stream.add_trailer(std::move(op.key), std::move(op.bytes));
    case Op::kWrite:
      return stream.write(std::move(op.bytes), op.compressed);
    case Op::kFinish:
      return stream.finish(std::move(op.status));
    case Op::kPause:
      return stream.pause();
    case Op::kResume:
      return stream.resume();
  }
}

void CallHandle::apply(Op op) {
  {
    std::lock_guard lock(mutex_);
    if (over_ || finished_) return;
    if (op.kind == Op::kFinish) finished_ = true;
    if (op.kind == Op::kWrite) {
      size_t bytes = kPrefixBytes + op.bytes.size();
      if (facts_.queued->fetch_add(bytes) + bytes > facts_.write_high_bytes) was_high_ = true;
    }
    // On the loop itself there is nobody to wait for, unless others asked before.
    if (!loop_.in_loop_thread() || posted_) {
      waiting_.push_back(std::move(op));
      if (!std::exchange(posted_, true)) loop_.post([self = shared_from_this()] { self->apply_all(); });
      return;
    }
  }
  if (auto stream = stream_.lock()) run(*stream, op);
}

void CallHandle::apply_all() {
  std::vector<Op> ops;
  {
    std::lock_guard lock(mutex_);
    posted_ = false;
    ops.swap(waiting_);
  }
  auto stream = stream_.lock();
  if (!stream) return;
  for (Op& op : ops) run(*stream, op);
}

void CallHandle::end(bool cancelled) {
  if (cancelled) cancelled_ = true;
  std::shared_ptr<void> token;
  std::function<void()> notice;
  {
    std::lock_guard lock(mutex_);
    over_ = true;
    notice.swap(notice_);
    waiting_.clear();
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

void CallHandle::add_header(std::string_view key, Bytes value) { apply({Op::kHeader, std::string(key), std::move(value), {}}); }
void CallHandle::add_trailer(std::string_view key, Bytes value) { apply({Op::kTrailer, std::string(key), std::move(value), {}}); }
void CallHandle::write(Bytes message) {
  // Here and not in the stream: the caller is most often a thread that may take its time.
  bool compress = facts_.gzip && !message.empty() && !cancelled();
  if (compress) message = gzip(message);
  apply({Op::kWrite, {}, std::move(message), {}, compress});
}
void CallHandle::finish(Status status) { apply({Op::kFinish, {}, {}, std::move(status)}); }
void CallHandle::pause() { apply({Op::kPause, {}, {}, {}}); }
void CallHandle::resume() { apply({Op::kResume, {}, {}, {}}); }

void CallHandle::reply(Bytes message) {
  write(std::move(message));
  finish({});
}

Result<Bytes> CallHandle::export_keying_material(const std::string& label, const Bytes& context, size_t length) {
  auto ask = [&, this]() -> Result<Bytes> {
    auto stream = stream_.lock();
    if (!stream) return fail(Code::kCancelled, "the call is over");
    return stream->export_key(label, context, length);
  };
  if (loop_.in_loop_thread()) return ask();
  std::promise<Result<Bytes>> promise;
  {
    std::lock_guard lock(mutex_);
    if (over_) return fail(Code::kCancelled, "the call is over");
    loop_.post([&] { promise.set_value(ask()); });
  }
  return promise.get_future().get();
}

}  // namespace selvage::rpc
