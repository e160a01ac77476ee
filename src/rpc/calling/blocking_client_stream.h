// rpc/client_stream.h's ClientStream on top of callbacks.
#pragma once

#include <functional>
#include <memory>

#include "rpc/client_stream.h"

namespace selvage::rpc {

// `open` starts a call with the handler it is given.
[[nodiscard]] std::unique_ptr<ClientStream> make_blocking_stream(
    const std::function<std::shared_ptr<ClientCall>(std::unique_ptr<ClientHandler>)>& open);

}  // namespace selvage::rpc
