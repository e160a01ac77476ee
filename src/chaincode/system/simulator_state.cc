#include "chaincode/system/simulator_state.h"

namespace selvage::chaincode {
namespace {

const std::string& ns() {
  static const std::string name(lifecycle::kNamespace);
  return name;
}

Result<std::map<std::string, Bytes>> collect(Result<std::unique_ptr<ledger::ResultIterator>> rows) {
  if (!rows) return fail(std::move(rows).error().within("could not get state iterator"));
  std::map<std::string, Bytes> out;
  while (true) {
    auto row = (*rows)->next();
    if (!row) return fail(std::move(row).error().within("could not iterate over range"));
    if (!*row) return out;
    out.emplace(std::move((*row)->key), std::move((*row)->value));
  }
}

// Fabric quirk: keys hold \x00 to \x7e only, so "prefix\x7f" ends the range (core/chaincode/lifecycle/ledger_shim.go).
std::string range_end(std::string_view prefix) { return std::string(prefix) + "\x7f"; }

}  // namespace

Result<std::optional<Bytes>> PublicState::get(std::string_view key) const {
  return simulator_.get_state(ns(), std::string(key));
}
Status PublicState::put(std::string_view key, BytesView value) {
  return simulator_.set_state(ns(), std::string(key), Bytes(value));
}
Status PublicState::remove(std::string_view key) { return simulator_.delete_state(ns(), std::string(key)); }

Result<std::optional<Bytes>> PublicRange::get(std::string_view key) const {
  return simulator_.get_state(ns(), std::string(key));
}
Result<std::map<std::string, Bytes>> PublicRange::range(std::string_view prefix) const {
  return collect(simulator_.get_state_range(ns(), std::string(prefix), range_end(prefix)));
}

Result<std::optional<Bytes>> OrgState::get(std::string_view key) const {
  return simulator_.get_private_data(ns(), collection_, std::string(key));
}
Status OrgState::put(std::string_view key, BytesView value) {
  return simulator_.set_private_data(ns(), collection_, std::string(key), Bytes(value));
}
Status OrgState::remove(std::string_view key) {
  return simulator_.delete_private_data(ns(), collection_, std::string(key));
}

Result<std::optional<Bytes>> OrgRange::get(std::string_view key) const {
  return simulator_.get_private_data(ns(), collection_, std::string(key));
}
Result<std::map<std::string, Bytes>> OrgRange::range(std::string_view prefix) const {
  return collect(simulator_.get_private_data_range(ns(), collection_, std::string(prefix), range_end(prefix)));
}

Result<std::optional<Bytes>> OrgHashes::get_hash(std::string_view key) const {
  return simulator_.get_private_data_hash(ns(), collection_, std::string(key));
}

}  // namespace selvage::chaincode
