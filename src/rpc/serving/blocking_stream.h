// Streams for handlers with a thread each, on top of StreamHandler.
#pragma once

#include <memory>

#include "rpc/call.h"

namespace selvage::rpc {

class WorkerPool;

// Starts `handler` on a thread of `threads` and gives back what feeds it. Null when no thread is free: nothing was started.
// `handler` must outlive the thread.
[[nodiscard]] std::unique_ptr<StreamHandler> start_blocking_stream(WorkerPool& threads, const BlockingHandler& handler,
                                                                   std::shared_ptr<ServerCall> call, size_t write_high_bytes);

}  // namespace selvage::rpc
