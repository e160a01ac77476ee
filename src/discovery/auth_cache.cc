#include "discovery/auth_cache.h"

#include "crypto/hash.h"
#include "wire/fields.h"

namespace selvage::discovery {
namespace {

// Lengths go before the parts, so that no two triples are written alike.
Bytes key_of(const policy::SignedData& data) {
  Bytes all;
  for (const BytesView part : {data.data, data.identity, data.signature}) {
    wire::append_varint(all, part.size());
    all.append(part);
  }
  return crypto::sha256(all);
}

}  // namespace

Status AuthCache::check(const std::string& channel, uint64_t sequence, const policy::SignedData& data,
                        const std::function<Status()>& check) {
  if (!settings_.enabled) return check();
  const Bytes key = key_of(data);
  {
    std::lock_guard lock(mutex_);
    Channel& known = channels_[channel];
    if (known.sequence != sequence) known = {sequence, {}};
    if (const auto found = known.entries.find(key); found != known.entries.end()) return found->second;
  }
  Status answer = check();
  std::lock_guard lock(mutex_);
  Channel& known = channels_[channel];
  if (known.sequence != sequence) return answer;  // made under a configuration that is none any more
  if (known.entries.size() >= settings_.entries_max) {
    const auto keep = static_cast<size_t>(settings_.retention_ratio * static_cast<double>(settings_.entries_max));
    while (!known.entries.empty() && known.entries.size() > keep) known.entries.erase(known.entries.begin());
  }
  if (settings_.entries_max > 0) known.entries.emplace(key, answer);
  return answer;
}

size_t AuthCache::size() const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [name, channel] : channels_) count += channel.entries.size();
  return count;
}

}  // namespace selvage::discovery
