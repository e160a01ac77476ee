// An ordering node: its parts, made out of orderer.yaml and joined.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "config/orderer_settings.h"

namespace selvage::node {

class Orderer {
 public:
  // Loads keys, opens channels and starts all listeners. Errors: one line for the operator.
  [[nodiscard]] static Result<std::unique_ptr<Orderer>> start(const config::OrdererSettings& settings);
  // stop()
  ~Orderer();
  // Ends listeners and channels; returns within a few seconds. Twice is fine.
  void stop();
  // Certificates and client roots anew from their files (SIGHUP). Any thread.
  void reload();

  // Where it listens, with ports that were given as 0 filled in: "127.0.0.1:7050".
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::string admin_address() const;
  [[nodiscard]] std::string operations_address() const;

  struct Parts;

 private:
  explicit Orderer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace selvage::node
