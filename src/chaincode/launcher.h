// Finds the process of an installed package: a session that is ready, or a new one.
//
// One launch at a time per package; everybody who asks meanwhile waits for it. A session whose process went away is
// forgotten, and the next call (or the back-off of a process that should be running) dials again.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "chaincode/session/shim_session.h"

namespace selvage::chaincode {

class Chaincodes;

struct LaunchSettings {
  std::chrono::nanoseconds startup_timeout = std::chrono::seconds(300);  // chaincode.startuptimeout
  std::chrono::nanoseconds keepalive{0};                                 // chaincode.keepalive; 0: off
  std::chrono::nanoseconds retry_first = std::chrono::milliseconds(200);
  std::chrono::nanoseconds retry_most = std::chrono::seconds(30);
  SessionSettings session;
};

// Opens the conversation with a package's process. `started` becomes the session's transport.
class Connector {
 public:
  virtual ~Connector() = default;
  // Blocks until the stream is open or `deadline` has passed. Errors: Fabric's texts ("error building chaincode: ...",
  // "connection to <id> failed: ..."). The stream calls session's on_message/on_closed from its own thread.
  [[nodiscard]] virtual Status connect(const std::string& package_id, const std::shared_ptr<ShimSession>& session) = 0;
  // Ends connects that are on the way, and refuses later ones.
  virtual void stop() {}
};

class Launcher {
 public:
  // `post` runs what sessions have to do; it and `metrics` outlive all sessions.
  Launcher(LaunchSettings settings, std::unique_ptr<Connector> connector, metrics::Provider& metrics, Post post);
  ~Launcher();  // stop()

  // Sessions send calls from chaincode to chaincode here. Before the first launch.
  void set_chaincodes(Chaincodes& chaincodes);

  // A session in state ready. Blocks for up to the startup timeout. Errors: "could not launch chaincode <id>: ...".
  [[nodiscard]] Result<std::shared_ptr<ShimSession>> launch(const std::string& package_id);
  // Keeps the package's process connected from now on, dialling again with back-off; does not block.
  void keep_running(const std::string& package_id);
  // The package is in use no more: its conversation ends and is not taken up again. Does not block.
  void release(const std::string& package_id);
  // A session for a process that nobody launched and that has come by itself, as a developer's does; adopt() it once it is
  // ready. kAlreadyExists: "duplicate chaincodeID: <id>".
  [[nodiscard]] Result<std::shared_ptr<ShimSession>> unsolicited(const std::string& package_id);
  void adopt(const std::string& package_id, std::shared_ptr<ShimSession> session);
  // Closes all sessions and waits for the threads that keep them. Twice is fine.
  void stop();

 private:
  void keep(const std::string& package_id);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::chaincode
