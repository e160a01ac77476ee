// Chaincode definitions as they stand in the state, written by whatever got a transaction committed: each read of the
// state is answered with the next part of the input.
#include "input.h"
#include "kit/channels.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "peer/collection.pb.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;

class Parts final : public lifecycle::RangeReader {
 public:
  explicit Parts(BytesView rest) : rest_(rest) {}
  Result<std::optional<Bytes>> get(std::string_view) const override {
    BytesView part;
    if (!fuzz::take_part(rest_, part)) return std::optional<Bytes>();
    return std::optional<Bytes>(part);
  }
  Result<std::map<std::string, Bytes>> range(std::string_view prefix) const override {
    std::map<std::string, Bytes> found;
    BytesView name, value;
    while (found.size() < 3 && fuzz::take_part(rest_, name) && fuzz::take_part(rest_, value)) {
      found[std::string(prefix).append(name)] = Bytes(value);
    }
    return found;
  }

 private:
  mutable BytesView rest_;
};

void look_at(const lifecycle::Definition& definition, const lifecycle::ChannelRules& rules,
             const identity::MspManager& msps) {
  (void)definition.to_string();
  ::protos::CollectionConfigPackage collections;
  if (wire::parse_into(definition.collections, collections)) {
    (void)lifecycle::check_collections(collections, msps).has_value();
    (void)lifecycle::check_collections_against_committed(collections, collections).has_value();
  }
  for (const char* name : {"coll", "_implicit_org_Org1MSP", ""}) {
    (void)lifecycle::find_collection(definition, name).has_value();
    (void)lifecycle::collection_endorsement_policy(rules, definition, name).has_value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static test::Channel& channel = *new test::Channel;
  static const channel::BundlePtr bundle = channel.bundle();
  lifecycle::ChannelRules rules;
  rules.channel_id = channel.id();
  rules.policies = &bundle->policies();
  rules.orgs = {{"Org1", "Org1MSP"}, {"Org2", "Org2MSP"}};
  const BytesView input = fuzz::view_of(bytes, size);
  if (auto definition = lifecycle::read_definition("cc", Parts(input)); definition && *definition) {
    look_at(**definition, rules, *bundle->msps());
  }
  (void)lifecycle::read_sequence("cc", Parts(input)).has_value();
  (void)lifecycle::query_namespaces(Parts(input)).has_value();
  (void)lifecycle::query_approved(rules, "cc", 0, Parts(input), Parts(input)).has_value();
  (void)lifecycle::query_all_approved(rules, Parts(input)).has_value();
  return 0;
}
