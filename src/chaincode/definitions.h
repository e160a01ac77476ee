// Which chaincode definitions this peer can run: committed on a channel, approved by our organisation, package installed.
//
// The same questions as Go's lifecycle cache, answered from the state on first use and remembered until something
// they depend on changes. Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "chaincode/package_store.h"
#include "lifecycle/definition.h"

namespace selvage::chaincode {

class Channels;

struct LocalDefinition : lifecycle::Definition {
  bool approved = false;   // our organisation's approval equals the committed definition
  std::string package_id;  // installed here and named by our approval; empty: not installed
};

// A channel's chaincode that uses a package, for queryinstalled.
struct PackageReference {
  std::string channel_id;
  std::string chaincode;
  std::string version;
};

class DefinitionCache {
 public:
  DefinitionCache(std::string our_mspid, Channels& channels, PackageStore& packages);
  ~DefinitionCache();

  // Definition of `chaincode` at the channel's newest committed state. kNotFound when there is none. What is remembered
  // of a lower sequence than `sequence_at_least` is read again: a simulator may be ahead of lifecycle_changed().
  [[nodiscard]] Result<std::shared_ptr<const LocalDefinition>> find(const std::string& channel_id,
                                                                    const std::string& chaincode,
                                                                    int64_t sequence_at_least = 0);
  // To be called after a block of `channel_id` was committed that wrote to `_lifecycle`, and after a join. Tells
  // on_change's functions, in the caller's thread.
  void lifecycle_changed(const std::string& channel_id);
  // After an installation.
  void package_installed(const std::string& package_id);
  // `runnable` is called with each package id that is installed, approved and committed somewhere (the peer keeps it
  // connected), `unused` with each that was and, after an upgrade, is no more. Before the first change.
  void on_change(std::function<void(const std::string& package_id)> runnable,
                 std::function<void(const std::string& package_id)> unused);
  // `told` is called with all that can be run on a channel (name and sequence), each time its definitions were looked at:
  // what gossip tells other peers. Before the first change.
  using Runnable = std::vector<std::pair<std::string, int64_t>>;
  void on_runnable(std::function<void(const std::string& channel_id, Runnable runnable)> told);

  [[nodiscard]] Result<std::vector<PackageReference>> references(const std::string& package_id);

 private:
  void announce(const std::string& channel_id);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::chaincode
