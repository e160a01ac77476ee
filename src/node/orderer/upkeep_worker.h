// What a node looks after while it runs: certificate files that changed, certificates that are about to end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "crypto/certificate.h"
#include "tls/credentials.h"
#include "tls/files_service.h"

namespace selvage::node {

// A thread of its own, from start() to destruction.
class Upkeep {
 public:
  // `clock` must outlive it.
  explicit Upkeep(const Clock& clock) : clock_(clock) {}
  ~Upkeep();

  // Before start(). New handshakes use the new files within a few seconds after they changed.
  void watch(std::shared_ptr<tls::CredentialStore> credentials);
  // Says at once what there is to say of this certificate, and a week before it ends once more.
  void track(const std::string& role, const crypto::Certificate& certificate, const std::string& file);
  void start();

 private:
  void run();
  struct Due {
    std::chrono::sys_seconds at;
    std::string role;
  };
  const Clock& clock_;
  std::vector<tls::CredentialWatch> watches_;
  std::vector<Due> due_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace selvage::node
