// Remembers whether a signed request may be served, so that a client which asks the same again costs no signature check.
//
// Safe from any thread. Fabric quirk: discovery/authcache.go; a channel's answers are forgotten with each new configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/result.h"
#include "policy/policy.h"

namespace selvage::discovery {

class AuthCache {
 public:
  struct Settings {
    bool enabled = true;           // peer.discovery.authCacheEnabled
    size_t entries_max = 1000;     // .authCacheMaxSize, of each channel
    double retention_ratio = 0.75;  // .authCachePurgeRetentionRatio: so much stays when it is full
  };
  explicit AuthCache(Settings settings) : settings_(settings) {}

  // What `check` says, or said under this configuration. `sequence` is the channel's now; channel "" is the peer itself.
  Status check(const std::string& channel, uint64_t sequence, const policy::SignedData& data,
               const std::function<Status()>& check);
  [[nodiscard]] size_t size() const;

 private:
  struct Channel {
    uint64_t sequence = 0;
    std::map<std::string, Status> entries;  // by SHA-256 of data, identity and signature
  };
  const Settings settings_;
  mutable std::mutex mutex_;
  std::map<std::string, Channel> channels_;
};

}  // namespace selvage::discovery
