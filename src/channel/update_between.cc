#include "channel/update_between.h"

#include <google/protobuf/util/message_differencer.h>

namespace selvage::channel {
namespace {

using ::common::ConfigGroup;
using ::common::ConfigPolicy;
using ::common::ConfigValue;

// What one map of a group (policies, values or groups) contributes to the group's two sets.
template <class Member>
struct Members {
  google::protobuf::Map<std::string, Member> read, write;
  google::protobuf::Map<std::string, Member> same;  // named only if the group's members change
  bool came_or_went = false;
};

struct GroupUpdate {
  ConfigGroup read, write;
  bool differs = false;
};
GroupUpdate compare(const ConfigGroup& original, const ConfigGroup& updated);

bool equal(const ConfigPolicy& a, const ConfigPolicy& b) {
  if (a.mod_policy() != b.mod_policy() || a.has_policy() != b.has_policy()) return false;
  return !a.has_policy() || google::protobuf::util::MessageDifferencer::Equals(a.policy(), b.policy());
}
bool equal(const ConfigValue& a, const ConfigValue& b) {
  return a.mod_policy() == b.mod_policy() && a.value() == b.value();
}

// A policy or value as it is to be, with the version it then has.
template <class Member>
Member with_version(Member member, uint64_t version) {
  member.set_version(version);
  return member;
}
template <class Member>
Member only_version(const Member& member) {
  Member out;
  out.set_version(member.version());
  return out;
}

template <class Member>
Members<Member> compare_leaves(const google::protobuf::Map<std::string, Member>& original,
                               const google::protobuf::Map<std::string, Member>& updated) {
  Members<Member> out;
  for (const auto& [name, before] : original) {
    const auto after = updated.find(name);
    if (after == updated.end()) {
      out.came_or_went = true;
    } else if (equal(before, after->second)) {
      out.same[name] = only_version(before);
    } else {
      out.write[name] = with_version(after->second, before.version() + 1);
    }
  }
  for (const auto& [name, after] : updated) {
    if (original.contains(name)) continue;
    out.came_or_went = true;
    out.write[name] = with_version(after, 0);
  }
  return out;
}

Members<ConfigGroup> compare_groups(const google::protobuf::Map<std::string, ConfigGroup>& original,
                                    const google::protobuf::Map<std::string, ConfigGroup>& updated) {
  Members<ConfigGroup> out;
  for (const auto& [name, before] : original) {
    const auto after = updated.find(name);
    if (after == updated.end()) {
      out.came_or_went = true;
      continue;
    }
    GroupUpdate below = compare(before, after->second);
    if (below.differs) {
      out.read[name] = std::move(below.read);
      out.write[name] = std::move(below.write);
    } else {
      out.same[name] = std::move(below.read);
    }
  }
  for (const auto& [name, after] : updated) {
    if (original.contains(name)) continue;
    out.came_or_went = true;
    ConfigGroup added = compare(ConfigGroup(), after).write;
    added.set_version(0);
    added.set_mod_policy(after.mod_policy());
    out.write[name] = std::move(added);
  }
  return out;
}

GroupUpdate compare(const ConfigGroup& original, const ConfigGroup& updated) {
  auto policies = compare_leaves(original.policies(), updated.policies());
  auto values = compare_leaves(original.values(), updated.values());
  auto groups = compare_groups(original.groups(), updated.groups());

  GroupUpdate out;
  out.read.set_version(original.version());
  out.write.set_version(original.version());
  const bool itself = policies.came_or_went || values.came_or_went || groups.came_or_went ||
                      original.mod_policy() != updated.mod_policy();
  out.differs = itself || !policies.write.empty() || !values.write.empty() || !groups.write.empty();
  if (!out.differs) return out;
  if (itself) {
    out.write.set_version(original.version() + 1);
    out.write.set_mod_policy(updated.mod_policy());
    const auto keep = [](auto& members) {
      for (const auto& [name, member] : members.same) members.read[name] = members.write[name] = member;
    };
    keep(policies);
    keep(values);
    keep(groups);
  }
  const auto put = [](ConfigGroup& into, auto&& policy_map, auto&& value_map, auto&& group_map) {
    into.mutable_policies()->swap(policy_map);
    into.mutable_values()->swap(value_map);
    into.mutable_groups()->swap(group_map);
  };
  put(out.read, policies.read, values.read, groups.read);
  put(out.write, policies.write, values.write, groups.write);
  return out;
}

}  // namespace

Result<::common::ConfigUpdate> update_between(const ::common::Config& original, const ::common::Config& updated) {
  if (!original.has_channel_group())
    return fail(Code::kInvalidArgument, "no channel group included for original config");
  if (!updated.has_channel_group())
    return fail(Code::kInvalidArgument, "no channel group included for updated config");
  GroupUpdate found = compare(original.channel_group(), updated.channel_group());
  if (!found.differs)
    return fail(Code::kInvalidArgument, "no differences detected between original and updated config");
  ::common::ConfigUpdate update;
  *update.mutable_read_set() = std::move(found.read);
  *update.mutable_write_set() = std::move(found.write);
  return update;
}

}  // namespace selvage::channel
