// The next configuration from an update: what was read must still be so, what is written must be one version further and
// signed by those whom the element's mod_policy names.
#include "channel/config_update.h"

#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "channel/config_tree.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::channel {
namespace {

using ::common::ConfigGroup;

const log::Logger& logger() {
  static const log::Logger instance("common.configtx");
  return instance;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

class Update {
 public:
  Update(const std::string& channel_id, const ::common::Config& current, const policy::PolicyManager& policies)
      : channel_id_(channel_id), config_(current), policies_(policies) {}

  // The channel group after an authorised update.
  Result<ConfigGroup> apply(const ::common::ConfigUpdateEnvelope& envelope) {
    auto mapped = map_config(config_.channel_group());
    if (!mapped) return fail(mapped.error().within("error converting config to map"));
    current_ = std::move(*mapped);
    ::common::ConfigUpdate update;
    if (!wire::parse_into(envelope.config_update(), update)) return refuse(wire::kBadWireFormat);
    if (update.channel_id() != channel_id_) {
      return refuse(fmt::format("ConfigUpdate for channel '{}' but envelope for channel '{}'", update.channel_id(),
                                channel_id_));
    }
    ConfigTree read_set, write_set;
    if (update.has_read_set()) {
      auto map = map_config(update.read_set());
      if (!map) return fail(map.error().within("error mapping ReadSet"));
      read_set = std::move(*map);
    }
    if (auto read = check_read_set(read_set); !read) return fail(read.error().within("error validating ReadSet"));
    if (update.has_write_set()) {
      auto map = map_config(update.write_set());
      if (!map) return fail(map.error().within("error mapping WriteSet"));
      write_set = std::move(*map);
    }
    // What the update changes: all it writes but what it read at the same version.
    ConfigTree delta;
    for (const auto& [key, element] : write_set) {
      const auto read = read_set.find(key);
      if (read != read_set.end() && read->second.version() == element.version()) continue;
      delta.emplace(key, element);
    }
    SELVAGE_TRY(std::vector<policy::OwnedSignedData> signatures, signatures_of(envelope));
    if (auto allowed = check_delta(delta, signatures); !allowed) {
      return fail(allowed.error().within("error validating DeltaSet"));
    }
    ConfigTree result = current_;
    for (const auto& [key, element] : delta) result.insert_or_assign(key, element);
    for (const auto& [key, element] : write_set) {
      if (result.count(key) == 0) {
        return refuse(fmt::format("full config did not verify: writeset contained key {} which did not appear in proposed "
                                  "config", key));
      }
    }
    auto group = group_of(result);
    if (!group) return fail(group.error().within("could not turn configMap back to channelGroup"));
    return group;
  }

 private:
  Status check_read_set(const ConfigTree& read_set) const {
    for (const auto& [key, element] : read_set) {
      const auto existing = current_.find(key);
      if (existing == current_.end()) {
        return refuse(fmt::format("existing config does not contain element for {} but was in the read set", key));
      }
      if (existing->second.version() != element.version()) {
        return refuse(fmt::format("proposed update requires that key {} be at version {}, but it is currently at version {}",
                                  key, element.version(), existing->second.version()));
      }
    }
    return {};
  }

  static Result<std::vector<policy::OwnedSignedData>> signatures_of(const ::common::ConfigUpdateEnvelope& envelope) {
    std::vector<policy::OwnedSignedData> out;
    for (const ::common::ConfigSignature& signature : envelope.signatures()) {
      ::common::SignatureHeader header;
      if (!wire::parse_into(signature.signature_header(), header)) return refuse(wire::kBadWireFormat);
      out.push_back({signature.signature_header() + envelope.config_update(), header.creator(), signature.signature()});
    }
    return out;
  }

  Status check_delta(const ConfigTree& delta, const std::vector<policy::OwnedSignedData>& signatures) {
    if (delta.empty()) return refuse("delta set was empty -- update would have no effect");
    std::vector<policy::SignedData> views;
    for (const auto& signature : signatures) views.push_back(signature.view());
    for (const auto& [key, element] : delta) {
      if (auto named = check_mod_policy(element.mod_policy()); !named) {
        return fail(named.error().within(fmt::format("invalid mod_policy for element {}", key)));
      }
      const auto at = current_.find(key);
      if (at == current_.end()) {
        if (element.version() != 0) {
          return refuse(fmt::format("attempted to set key {} to version {}, but key does not exist", key, element.version()));
        }
        continue;
      }
      const ConfigElement& existing = at->second;
      if (element.version() != existing.version() + 1) {
        return refuse(fmt::format("attempt to set key {} to version {}, but key is at version {}", key, element.version(),
                                  existing.version()));
      }
      const policy::Policy* policy = policy_for(existing);
      if (policy == nullptr) {
        return refuse(fmt::format("unexpected missing policy {} for item {}", existing.mod_policy(), key));
      }
      if (auto satisfied = policy->evaluate(views); !satisfied) {
        LOG_WARN(logger(), "policy not satisfied for channel configuration update key=\"{}\" policy={} signingIdenties={}", key,
                 existing.mod_policy(), views.empty() ? "" : identity::describe_identity(views[0].identity));
        return fail(satisfied.error().within(fmt::format("policy for {} not satisfied", key)));
      }
    }
    return {};
  }

  // A relative mod_policy is one of the element's own group, for a group of the group itself.
  const policy::Policy* policy_for(const ConfigElement& element) const {
    const policy::PolicyManager* manager = &policies_;
    const std::string& name = element.mod_policy();
    if (!name.empty() && name[0] != '/' && !element.path.empty()) {
      manager = manager->sub(std::span(element.path).subspan(1));
      if (manager != nullptr && element.group != nullptr) manager = manager->sub(std::span(&element.key, 1));
      if (manager == nullptr) return nullptr;
    }
    return manager->find(name);
  }

  const std::string& channel_id_;
  const ::common::Config& config_;
  const policy::PolicyManager& policies_;
  ConfigTree current_;
};

}  // namespace

Status check_channel_id(std::string_view channel_id) {
  if (channel_id.empty()) return refuse("channel ID illegal, cannot be empty");
  if (channel_id.size() > kConfigIdLengthMax) {
    return refuse(fmt::format("channel ID illegal, cannot be longer than {}", kConfigIdLengthMax));
  }
  bool legal = channel_id[0] >= 'a' && channel_id[0] <= 'z';
  for (const char c : channel_id) {
    legal = legal && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-');
  }
  if (!legal) return refuse(fmt::format("'{}' contains illegal characters", escape(channel_id)));
  return {};
}

Result<::common::ConfigUpdateEnvelope> config_update_of(const ::common::Envelope& envelope) {
  Result<::common::ConfigUpdateEnvelope> update(::common::ConfigUpdateEnvelope{});
  if (auto header = wire::open_envelope_of(envelope, ::common::CONFIG_UPDATE, *update); !header) {
    return fail(header.error());
  }
  return update;
}

Result<::common::ConfigEnvelope> propose_config_update(const std::string& channel_id, const ::common::Config& current,
                                                       const policy::PolicyManager& policies,
                                                       const ::common::Envelope& envelope) {
  auto update = config_update_of(envelope);
  if (!update) return fail(update.error().within("error converting envelope to config update"));
  auto group = Update(channel_id, current, policies).apply(*update);
  if (!group) return fail(group.error().within("error authorizing update"));
  ::common::ConfigEnvelope next;
  next.mutable_config()->set_sequence(current.sequence() + 1);
  *next.mutable_config()->mutable_channel_group() = std::move(*group);
  *next.mutable_last_update() = envelope;
  return next;
}

Status check_config_envelope(const std::string& channel_id, const ::common::Config& current,
                             const policy::PolicyManager& policies, const ::common::ConfigEnvelope& next) {
  if (!next.has_config()) return refuse("config envelope has nil config");
  if (next.config().sequence() != current.sequence() + 1) {
    return refuse(fmt::format("config currently at sequence {}, cannot validate config at sequence {}", current.sequence(),
                              next.config().sequence()));
  }
  SELVAGE_TRY(::common::ConfigUpdateEnvelope update, config_update_of(next.last_update()));
  SELVAGE_TRY(ConfigGroup group, Update(channel_id, current, policies).apply(update));
  if (wire::marshal(group) != wire::marshal(next.config().channel_group())) {
    return refuse("ConfigEnvelope LastUpdate did not produce the supplied config result");
  }
  return {};
}

}  // namespace selvage::channel
