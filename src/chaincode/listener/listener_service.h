// The chaincode listener: `protos.ChaincodeSupport/Register`, for chaincode that dials the peer.
//
// Over mutual TLS with the peer's own authority (authority.h) whenever the peer has TLS. A process is known before it
// comes: expect() names the session its registration goes to. In development mode whoever registers is welcome.
// Everything on a stream before its registration was accepted is a stranger's: one message is read, and a refusal ends it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "chaincode/builder/builder_runner.h"

namespace selvage::rpc {
class Server;
}
namespace selvage::tls {
class ServerContext;
}

namespace selvage::chaincode {

class Launcher;
class ShimSession;

struct ListenerSettings {
  std::string listen_address;  // peer.chaincodeListenAddress, "host:port"
  std::string endpoint;        // what chaincode is told to dial (endpoint.h)
  bool tls = true;             // peer.tls.enabled
  bool required = true;        // false: a peer whose operator named no address works without the listener
  std::string mspid;           // told to chaincode
  std::string development_folder;  // chaincode.mode dev: where to leave a client pair for the developer's chaincode
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(5);
};

// Safe from any thread.
class ChaincodeListener {
 public:
  [[nodiscard]] static Result<std::unique_ptr<ChaincodeListener>> make(ListenerSettings settings, const Clock& clock,
                                                                       metrics::Provider& metrics);
  ~ChaincodeListener();  // stop()

  // Development mode: registrations that nobody expects become sessions of `launcher`, which outlives the listener.
  // Before start().
  void welcome_all(Launcher& launcher);
  // kUnavailable when the address is taken.
  Status start();
  void stop();
  [[nodiscard]] std::string address() const;  // after start()
  // For the operations endpoint; the server stops with stop(). `tls` null: plaintext.
  [[nodiscard]] const rpc::Server& server() const;
  [[nodiscard]] const std::shared_ptr<tls::ServerContext>& tls() const;

  // What a process of `package_id` must be told to reach us; with TLS a new pair bound to it. kUnavailable: not listening.
  [[nodiscard]] Result<RunConfig> invite(const std::string& package_id);
  // Its registration, within ten minutes of invite(), goes to `session`. A later expectation replaces an earlier one.
  void expect(const std::string& package_id, const std::shared_ptr<ShimSession>& session);
  void forget(const std::string& package_id, const std::shared_ptr<ShimSession>& session);

  struct State;

 private:
  explicit ChaincodeListener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvage::chaincode
