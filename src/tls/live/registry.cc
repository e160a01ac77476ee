#include "tls/live/registry.h"

#include <algorithm>

namespace selvage::tls {

void Registry::add_pair(Pair pair) {
  if (!pair.store) return;
  std::lock_guard lock(mutex_);
  auto found = std::find_if(pairs_.begin(), pairs_.end(), [&](const Pair& one) { return one.role == pair.role; });
  if (found != pairs_.end()) {
    *found = std::move(pair);
  } else {
    pairs_.push_back(std::move(pair));
  }
}

void Registry::add_pool(Pool pool) {
  if (!pool.store) return;
  std::lock_guard lock(mutex_);
  std::erase_if(pools_, [&](const Pool& one) { return one.name == pool.name && one.of_clients == pool.of_clients; });
  pools_.push_back(std::move(pool));
}

void Registry::remove_pool(const std::string& name) {
  std::lock_guard lock(mutex_);
  std::erase_if(pools_, [&](const Pool& one) { return one.name == name; });
}

void Registry::add_root_files(RootFiles files) {
  if (!files.store) return;
  std::lock_guard lock(mutex_);
  std::erase_if(files_, [&](const RootFiles& one) { return one.store == files.store && one.source == files.source; });
  files_.push_back(std::move(files));
}

void Registry::set_watched(const std::string& owner, std::vector<Watched> certificates) {
  std::lock_guard lock(mutex_);
  std::erase_if(watched_, [&](const auto& one) { return one.first == owner; });
  if (!certificates.empty()) watched_.emplace_back(owner, std::move(certificates));
}

std::vector<Pair> Registry::pairs() const {
  std::lock_guard lock(mutex_);
  return pairs_;
}

std::vector<Pool> Registry::pools() const {
  std::lock_guard lock(mutex_);
  return pools_;
}

std::vector<RootFiles> Registry::root_files() const {
  std::lock_guard lock(mutex_);
  return files_;
}

std::vector<Watched> Registry::watched() const {
  std::lock_guard lock(mutex_);
  std::vector<Watched> all;
  for (const auto& [owner, certificates] : watched_) all.insert(all.end(), certificates.begin(), certificates.end());
  return all;
}

}  // namespace selvage::tls
