// Chaincode definitions in a state made by hand.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "kit/channels.h"
#include "ledger/state/state_view.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"

namespace selvage::test {

// The committed state as lifecycle writes it.
class DefinitionWriter final : public lifecycle::StateWriter {
 public:
  explicit DefinitionWriter(ledger::MemoryState& state) : state_(state) {}
  Result<std::optional<Bytes>> get(std::string_view key) const override {
    SELVAGE_TRY(auto value, state_.get(lifecycle::kNamespace, key));
    return value ? std::optional<Bytes>(value->value) : std::optional<Bytes>();
  }
  Status put(std::string_view key, BytesView value) override {
    state_.put(lifecycle::kNamespace, key, ledger::StateValue{Bytes(value), {}, {}});
    return {};
  }
  Status remove(std::string_view key) override {
    state_.put(lifecycle::kNamespace, key, std::nullopt);
    return {};
  }

 private:
  ledger::MemoryState& state_;
};

// Commits sequence 1, version 1.0, of what else `parameters` say; by default the channel's policy and no collections.
inline void define(const Channel& channel, const std::string& chaincode, const lifecycle::Parameters& parameters,
                   ledger::MemoryState& state) {
  const auto bundle = channel.bundle();
  lifecycle::ChannelRules rules;
  rules.channel_id = channel.id();
  rules.policies = &bundle->policies();
  lifecycle::Definition definition{parameters, 1};
  definition.version = "1.0";
  DefinitionWriter writer(state);
  if (!lifecycle::commit_definition(rules, chaincode, definition, writer, {})) std::abort();
}

// With these collections, marshalled.
inline void define(const Channel& channel, const std::string& chaincode, const Bytes& collections, ledger::MemoryState& state) {
  lifecycle::Parameters parameters;
  parameters.collections = collections;
  define(channel, chaincode, parameters, state);
}

}  // namespace selvage::test
