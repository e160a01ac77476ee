// A whole peer: reads settings, makes the parts, joins them and keeps them running until it is told to stop. The only
// place where a peer's stages meet.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "config/core_settings.h"

namespace selvage::node {

class PeerNode {
 public:
  // Loads keys and ledgers and binds the listeners' addresses; serves nothing yet. Errors are one line for the operator:
  // setting, file, remedy. `failed` is called, from any of its threads, when the peer cannot go on (a disk that failed, a
  // capability that it does not have): the caller should stop it and end the process with an error.
  [[nodiscard]] static Result<std::unique_ptr<PeerNode>> make(config::CoreSettings settings,
                                                              std::function<void()> failed);
  ~PeerNode();  // stop()

  // Serves, and follows the channels.
  Status start();
  // Ends within a few seconds: open calls get two of them. Twice is fine.
  void stop();
  // Certificates and client roots anew from their files.
  void reload();

  // "127.0.0.1:7051" and the like, after start().
  [[nodiscard]] std::string address() const;

 private:
  struct State;
  explicit PeerNode(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// `peer node start`: everything from reading core.yaml to the exit code. Prints what is wrong in one line. The log was
// started before; called on the main thread, before any other is started. `development`: chaincode.mode is dev whatever
// core.yaml says.
int run_peer_node(bool development = false);

}  // namespace selvage::node
