#include "plugin/proposal_plugins.h"

#include <optional>

#include "plugin/table.h"

namespace selvage::plugin {
namespace {

struct AuthCall : selvage_auth_call {
  std::string error;
};
struct DecorationCall : selvage_decoration_call {
  std::optional<Bytes> instead;
  std::string error;
};

}  // namespace

Result<std::shared_ptr<AuthFilter>> AuthFilter::load(const std::string& path) {
  SELVAGE_TRY(const auto* table, load_table<selvage_auth_filter>(path, "selvage_auth_filter_table"));
  return std::make_shared<AuthFilter>(*table);
}

Status AuthFilter::open() {
  SELVAGE_CHECK(instances_.of(""));
  return {};
}

Status AuthFilter::check(BytesView signed_proposal) {
  SELVAGE_TRY(void* const instance, instances_.of(""));
  AuthCall call{};
  call.size = sizeof(selvage_auth_call);
  call.signed_proposal = to_abi(signed_proposal);
  call.set_error = [](selvage_auth_call* self, selvage_bytes text) {
    static_cast<AuthCall*>(self)->error = text_of(text);
  };
  if (guarded([&] { return table_.check(instance, &call); }) == SELVAGE_OK) return {};
  return fail(Code::kUnknown, call.error.empty() ? "refused by an auth filter" : call.error);
}

Result<std::shared_ptr<Decorator>> Decorator::load(const std::string& path) {
  SELVAGE_TRY(const auto* table, load_table<selvage_decorator>(path, "selvage_decorator_table"));
  return std::make_shared<Decorator>(*table);
}

Status Decorator::open() {
  SELVAGE_CHECK(instances_.of(""));
  return {};
}

Result<Bytes> Decorator::decorate(BytesView proposal, Bytes input) {
  SELVAGE_TRY(void* const instance, instances_.of(""));
  DecorationCall call{};
  call.size = sizeof(selvage_decoration_call);
  call.proposal = to_abi(proposal);
  call.input = to_abi(input);
  call.set_input = [](selvage_decoration_call* self, selvage_bytes bytes) {
    static_cast<DecorationCall*>(self)->instead = text_of(bytes);
  };
  call.set_error = [](selvage_decoration_call* self, selvage_bytes text) {
    static_cast<DecorationCall*>(self)->error = text_of(text);
  };
  if (guarded([&] { return table_.decorate(instance, &call); }) != SELVAGE_OK) {
    return fail(Code::kUnknown, call.error.empty() ? "a decorator failed" : call.error);
  }
  return call.instead ? std::move(*call.instead) : std::move(input);
}

}  // namespace selvage::plugin
