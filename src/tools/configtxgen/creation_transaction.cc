#include "tools/configtxgen/creation_transaction.h"

#include "channel/update_between.h"
#include "common/configuration.pb.h"
#include "tools/configtxgen/encoder.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::tools::configtxgen {
namespace {

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Result<::common::ConfigUpdate> make_update(const std::string& channel_id, const Profile& profile) {
  auto group = make_channel_group(profile);
  if (!group)
    return fail(group.error().within("error parsing configuration").within("could not generate default config template"));
  if (!group->groups().contains("Application"))
    return refuse("could not generate default config template: channel template configs must contain an application "
                  "section");
  const auto wrong = [](const std::string& text) { return refuse("config update generation failure: " + text); };
  if (profile.consortium.empty()) return wrong("cannot define a new channel with no Consortium value");
  // The template is the same configuration, but for what the application section itself says.
  ::common::Config before, after;
  *before.mutable_channel_group() = *group;
  auto& application = (*before.mutable_channel_group()->mutable_groups())["Application"];
  application.clear_values();
  application.clear_policies();
  *after.mutable_channel_group() = std::move(*group);
  auto update = channel::update_between(before, after);
  if (!update) return wrong("could not compute update: " + update.error().message);
  update->set_channel_id(channel_id);
  ::common::Consortium consortium;
  consortium.set_name(profile.consortium);
  (*update->mutable_read_set()->mutable_values())["Consortium"] = ::common::ConfigValue();
  auto& named = (*update->mutable_write_set()->mutable_values())["Consortium"];
  named.Clear();
  named.set_value(wire::marshal(consortium));
  return *update;
}

}  // namespace

Result<::common::Envelope> make_creation_transaction(const std::string& channel_id, const Profile& profile,
                                                     SystemTime now) {
  SELVAGE_TRY(const ::common::ConfigUpdate update, make_update(channel_id, profile));
  ::common::ConfigUpdateEnvelope unsigned_update;
  unsigned_update.set_config_update(wire::marshal(update));
  const auto header = wire::make_channel_header(::common::CONFIG_UPDATE, 0, channel_id, now);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.set_data(wire::marshal(unsigned_update));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  return envelope;
}

}  // namespace selvage::tools::configtxgen
