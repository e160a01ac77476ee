// compute_config_update: the smallest read and write set between two configurations.
#include "channel/config_update.h"
#include "common/configtx.pb.h"
#include "wire/marshal.h"

namespace selvage::channel {
namespace {

using ::common::ConfigGroup;
using ::common::ConfigPolicy;
using ::common::ConfigValue;

bool same(const ConfigPolicy& one, const ConfigPolicy& other) {
  return one.mod_policy() == other.mod_policy() && one.has_policy() == other.has_policy() &&
         wire::marshal(one.policy()) == wire::marshal(other.policy());
}
bool same(const ConfigValue& one, const ConfigValue& other) {
  return one.mod_policy() == other.mod_policy() && one.value() == other.value();
}

// Entries that changed go to `write`, those that did not to `unchanged` (version only). True: keys came or went.
template <class Map>
bool compare_entries(const Map& original, const Map& updated, Map& write, Map& unchanged) {
  bool members_changed = false;
  for (const auto& [name, before] : original) {
    const auto after = updated.find(name);
    if (after == updated.end()) {
      members_changed = true;
    } else if (same(before, after->second)) {
      unchanged[name].set_version(before.version());
    } else {
      write[name] = after->second;
      write[name].set_version(before.version() + 1);
    }
  }
  for (const auto& [name, added] : updated) {
    if (original.find(name) != original.end()) continue;
    members_changed = true;
    write[name] = added;
    write[name].set_version(0);
  }
  return members_changed;
}

// False: nothing changed in the group or below, and both sets hold its version only.
bool compare_groups(const ConfigGroup& original, const ConfigGroup& updated, ConfigGroup& read, ConfigGroup& write) {
  ConfigGroup unchanged;
  bool members = compare_entries(original.policies(), updated.policies(), *write.mutable_policies(),
                                 *unchanged.mutable_policies());
  members |= compare_entries(original.values(), updated.values(), *write.mutable_values(), *unchanged.mutable_values());
  bool below_changed = false;
  for (const auto& [name, before] : original.groups()) {
    const auto after = updated.groups().find(name);
    if (after == updated.groups().end()) {
      members = true;
      continue;
    }
    ConfigGroup sub_read, sub_write;
    if (compare_groups(before, after->second, sub_read, sub_write)) {
      below_changed = true;
      (*read.mutable_groups())[name] = std::move(sub_read);
      (*write.mutable_groups())[name] = std::move(sub_write);
    } else {
      (*unchanged.mutable_groups())[name] = std::move(sub_read);
    }
  }
  for (const auto& [name, added] : updated.groups()) {
    if (original.groups().find(name) != original.groups().end()) continue;
    members = true;
    ConfigGroup ignored, sub_write;
    compare_groups(ConfigGroup(), added, ignored, sub_write);
    sub_write.set_version(0);
    sub_write.set_mod_policy(added.mod_policy());
    (*write.mutable_groups())[name] = std::move(sub_write);
  }
  read.set_version(original.version());
  write.set_version(original.version());
  if (!members && original.mod_policy() == updated.mod_policy()) {
    return below_changed || write.policies_size() > 0 || write.values_size() > 0;
  }
  // A group whose membership changes lists all its members: those that stay, by their version.
  for (const auto& [name, policy] : unchanged.policies()) {
    (*read.mutable_policies())[name] = (*write.mutable_policies())[name] = policy;
  }
  for (const auto& [name, value] : unchanged.values()) {
    (*read.mutable_values())[name] = (*write.mutable_values())[name] = value;
  }
  for (const auto& [name, group] : unchanged.groups()) {
    (*read.mutable_groups())[name] = (*write.mutable_groups())[name] = group;
  }
  write.set_version(original.version() + 1);
  write.set_mod_policy(updated.mod_policy());
  return true;
}

}  // namespace

Result<::common::ConfigUpdate> compute_config_update(const ::common::Config& original, const ::common::Config& updated) {
  if (!original.has_channel_group()) {
    return fail(Code::kInvalidArgument, "no channel group included for original config");
  }
  if (!updated.has_channel_group()) return fail(Code::kInvalidArgument, "no channel group included for updated config");
  ::common::ConfigUpdate update;
  if (!compare_groups(original.channel_group(), updated.channel_group(), *update.mutable_read_set(),
                      *update.mutable_write_set())) {
    return fail(Code::kInvalidArgument, "no differences detected between original and updated config");
  }
  return update;
}

}  // namespace selvage::channel
