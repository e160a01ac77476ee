// The plugins of a peer by the names of core.yaml's peer.handlers: the built-in ones, and those of shared objects.
//
// Made once at start by node/peer; endorse/ and validate/ look them up for each transaction.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plugin/endorsement_plugin.h"
#include "plugin/proposal_plugins.h"
#include "plugin/validation_plugin.h"

namespace selvage::plugin {

// One entry of peer.handlers: `library` (a path) where it is set, else the built-in `name`.
struct Handler {
  std::string setting;  // "peer.handlers.endorsers.escc", for errors
  std::string name;
  std::string library;
};

struct Settings {
  std::vector<Handler> auth_filters;          // peer.handlers.authFilters, in this order
  std::vector<Handler> decorators;            // peer.handlers.decorators, in this order
  std::map<std::string, Handler> endorsers;   // peer.handlers.endorsers: by a definition's endorsement plugin
  std::map<std::string, Handler> validators;  // peer.handlers.validators: by its validation plugin
};

// What stands before the endorser.
struct Filter {
  enum class Kind { kExpiration, kTimeWindow, kLibrary } kind;
  std::shared_ptr<AuthFilter> library;  // of kLibrary
};

// A plugin that is there: the built-in one where `library` is null.
template <class Library>
struct Found {
  std::shared_ptr<Library> library;
};

// Immutable after load; safe from any thread.
class Plugins {
 public:
  // Errors are one line: setting, file, remedy. Fabric quirk: core/handlers/library/library.go, the names of built-in
  // ones.
  [[nodiscard]] static Result<std::shared_ptr<const Plugins>> load(const Settings& settings);
  // Those of Fabric's core.yaml: ExpirationCheck, TimeWindowCheck, escc, vscc.
  [[nodiscard]] static std::shared_ptr<const Plugins> built_in();

  // Null: this peer has none of that name.
  [[nodiscard]] const Found<EndorsementPlugin>* endorser(std::string_view name) const;
  [[nodiscard]] const Found<ValidationPlugin>* validator(std::string_view name) const;
  [[nodiscard]] const std::vector<Filter>& filters() const { return filters_; }
  [[nodiscard]] const std::vector<std::shared_ptr<Decorator>>& decorators() const { return decorators_; }

 private:
  Status add_filter(const Handler& handler);
  Status add_decorator(const Handler& handler);

  std::vector<Filter> filters_;
  std::vector<std::shared_ptr<Decorator>> decorators_;
  std::map<std::string, Found<EndorsementPlugin>, std::less<>> endorsers_;
  std::map<std::string, Found<ValidationPlugin>, std::less<>> validators_;
};

}  // namespace selvage::plugin
