// The channel participation API on an HTTP listener: turns requests into order/participation.h's and back.
#pragma once

namespace selvage::http {
class Server;
}

namespace selvage::order {

class Registrar;

// Adds /participation/v1/ to a server that is not started yet. `needs_certificate`: only for verified clients (the admin
// listener has TLS). The registrar must outlive the server.
void add_participation(http::Server& server, Registrar& registrar, bool needs_certificate);

}  // namespace selvage::order
