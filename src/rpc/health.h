// grpc.health.v1.Health: Check and Watch, for orderers, chaincode listeners and whoever probes them.
#pragma once

#include <memory>
#include <string>

namespace selvage::rpc {

class Server;

enum class Serving { kUnknown = 0, kServing = 1, kNotServing = 2, kServiceUnknown = 3 };  // numbers of the wire

// Any thread. May outlive the servers that it was added to.
class Health {
 public:
  Health();
  // Adds the two methods. Before server.start(). Marks "" (the whole server) as serving, and so each service the server
  // has by now: call it after the other add_*().
  void add_to(Server& server);
  // Watchers hear of a change.
  void set(const std::string& service, Serving status);
  // All that is known becomes kNotServing; call it before Server::stop().
  void shut_down();

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace selvage::rpc
