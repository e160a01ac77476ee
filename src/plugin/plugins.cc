#include "plugin/plugins.h"

namespace selvage::plugin {
namespace {

Error at_setting(const Handler& handler, Error error) {
  return error.within(handler.setting + (handler.library.empty() ? "" : ".library"));
}

tl::unexpected<Error> no_such_name(const Handler& handler, const char* names) {
  return fail(Code::kInvalidArgument, handler.setting + ".name: there is no built-in handler " + escape(handler.name),
              "", std::string("set it to ") + names + ", or set " + handler.setting + ".library to a shared object");
}

template <class Library>
Status add_named(const std::string& name, const Handler& handler, const char* built_in,
                 std::map<std::string, Found<Library>, std::less<>>* to) {
  if (handler.library.empty()) {
    if (handler.name != built_in) return no_such_name(handler, built_in);
    (*to)[name] = {};
    return {};
  }
  auto library = Library::load(handler.library);
  if (!library) return fail(at_setting(handler, library.error()));
  (*to)[name] = {std::move(*library)};
  return {};
}

template <class Library>
const Found<Library>* find(const std::map<std::string, Found<Library>, std::less<>>& in, std::string_view name) {
  const auto at = in.find(name);
  return at == in.end() ? nullptr : &at->second;
}

// Opened at once: there is one instance, and a start that fails is better than proposals that do.
template <class Library>
Result<std::shared_ptr<Library>> load_and_open(const Handler& handler) {
  auto library = Library::load(handler.library);
  if (!library) return fail(at_setting(handler, library.error()));
  if (auto opened = (*library)->open(); !opened) return fail(at_setting(handler, opened.error()));
  return library;
}

}  // namespace

Status Plugins::add_filter(const Handler& handler) {
  if (!handler.library.empty()) {
    SELVAGE_TRY(auto library, load_and_open<AuthFilter>(handler));
    filters_.push_back({Filter::Kind::kLibrary, std::move(library)});
  } else if (handler.name == "ExpirationCheck") {
    filters_.push_back({Filter::Kind::kExpiration, nullptr});
  } else if (handler.name == "TimeWindowCheck") {
    filters_.push_back({Filter::Kind::kTimeWindow, nullptr});
  } else if (handler.name != "DefaultAuth") {
    return no_such_name(handler, "DefaultAuth, ExpirationCheck or TimeWindowCheck");
  }
  return {};
}

Status Plugins::add_decorator(const Handler& handler) {
  if (!handler.library.empty()) {
    SELVAGE_TRY(auto library, load_and_open<Decorator>(handler));
    decorators_.push_back(std::move(library));
  } else if (handler.name != "DefaultDecorator") {
    return no_such_name(handler, "DefaultDecorator");
  }
  return {};
}

Result<std::shared_ptr<const Plugins>> Plugins::load(const Settings& settings) {
  auto plugins = std::make_shared<Plugins>();
  for (const Handler& handler : settings.auth_filters) SELVAGE_CHECK(plugins->add_filter(handler));
  for (const Handler& handler : settings.decorators) SELVAGE_CHECK(plugins->add_decorator(handler));
  for (const auto& [name, handler] : settings.endorsers) {
    SELVAGE_CHECK(add_named(name, handler, "DefaultEndorsement", &plugins->endorsers_));
  }
  for (const auto& [name, handler] : settings.validators) {
    SELVAGE_CHECK(add_named(name, handler, "DefaultValidation", &plugins->validators_));
  }
  return std::shared_ptr<const Plugins>(std::move(plugins));
}

std::shared_ptr<const Plugins> Plugins::built_in() {
  auto plugins = std::make_shared<Plugins>();
  plugins->filters_ = {{Filter::Kind::kExpiration, nullptr}, {Filter::Kind::kTimeWindow, nullptr}};
  plugins->endorsers_["escc"] = {};
  plugins->validators_["vscc"] = {};
  return plugins;
}

const Found<EndorsementPlugin>* Plugins::endorser(std::string_view name) const { return find(endorsers_, name); }
const Found<ValidationPlugin>* Plugins::validator(std::string_view name) const { return find(validators_, name); }

}  // namespace selvage::plugin
