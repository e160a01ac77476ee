#include "endorse/plugin_host.h"

#include "ledger/ledger.h"
#include "transientstore/transientstore.pb.h"
#include "wire/marshal.h"

namespace selvage::endorse {

Result<std::vector<std::optional<Bytes>>> PluginHost::state(const std::string& chaincode,
                                                            const std::vector<std::string>& keys) {
  if (!view_) view_ = channel_.ledger().view();
  SELVAGE_TRY(auto found, view_->get_many(chaincode, keys));
  std::vector<std::optional<Bytes>> values;
  values.reserve(found.size());
  for (auto& value : found) values.push_back(value ? std::optional<Bytes>(std::move(value->value)) : std::nullopt);
  return values;
}

Result<std::vector<std::optional<Bytes>>> PluginHost::private_data(const std::string& chaincode,
                                                                   const std::string& collection,
                                                                   const std::vector<std::string>& keys) {
  return state(ledger::private_namespace(chaincode, collection), keys);
}

Result<std::vector<Bytes>> PluginHost::transient(const std::string& txid) {
  SELVAGE_TRY(const auto entries, channel_.ledger().transient().find(txid));
  std::vector<Bytes> sets;
  for (const ledger::TransientEntry& entry : entries) {
    ::transientstore::TxPvtReadWriteSetWithConfigInfo writes;
    SELVAGE_CHECK(wire::parse_into(entry.private_rw_set, writes));
    if (writes.has_pvt_rwset()) sets.push_back(wire::marshal(writes.pvt_rwset()));
  }
  return sets;
}

}  // namespace selvage::endorse
