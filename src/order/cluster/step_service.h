// orderer.Cluster/Step as a server: messages of other consenters to the channels of this orderer. Who sends is decided by
// the public key of the TLS client certificate, for each channel on its own.
#pragma once

#include <chrono>
#include <memory>

#include "base/clock.h"
#include "base/metrics.h"

namespace selvage::rpc {
class Server;
}
namespace selvage::order {
class Registrar;
}

namespace selvage::order::cluster {

// Must outlive the servers that it was added to.
class StepService {
 public:
  struct Settings {
    std::chrono::nanoseconds expiry_warning{std::chrono::hours(168)};  // General.Cluster.CertExpirationWarningThreshold
  };
  StepService(Settings settings, Registrar& registrar, metrics::Provider& metrics, const Clock& clock);
  ~StepService();

  // "/orderer.Cluster/Step". Before Server::start().
  void add_to(rpc::Server& server);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace selvage::order::cluster
