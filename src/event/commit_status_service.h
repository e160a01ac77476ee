// `gateway.Gateway/CommitStatus`; event_service adds it.
#pragma once

#include "event/event_service.h"

namespace selvage::event {

// `parts`' references outlive the server.
void add_commit_status(rpc::Server& server, const EventService::Parts& parts);

}  // namespace selvage::event
