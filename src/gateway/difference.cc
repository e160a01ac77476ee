#include "gateway/difference.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "base/log.h"
#include "common/policies.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "peer/chaincode_event.pb.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"

namespace selvage::gateway {
namespace {

constexpr size_t kValueCharsMax = 256;
constexpr size_t kDifferencesMax = 100;

enum class Kind { kRead, kWrite, kMetadata, kPrivate };
struct Place {
  Kind kind;
  std::string name_space, key, name;
  auto operator<=>(const Place&) const = default;
};
using Contents = std::map<Place, std::string>;

Result<Contents> contents_of(BytesView results) {
  Contents contents;
  SELVAGE_TRY(const auto set, wire::parse<::rwset::TxReadWriteSet>(results));
  for (const auto& part : set.ns_rwset()) {
    const std::string& ns = part.namespace_();
    SELVAGE_TRY(const auto kv, wire::parse<::kvrwset::KVRWSet>(part.rwset()));
    for (const auto& read : kv.reads()) {
      // A key that was not there counts as not read. Fabric quirk: only block numbers are compared.
      if (read.version().block_num() > 0)
        contents[{Kind::kRead, ns, read.key(), ""}] = std::to_string(read.version().block_num());
    }
    for (const auto& write : kv.writes()) contents[{Kind::kWrite, ns, write.key(), ""}] = write.value();
    for (const auto& write : kv.metadata_writes())
      for (const auto& entry : write.entries()) contents[{Kind::kMetadata, ns, write.key(), entry.name()}] = entry.value();
    for (const auto& collection : part.collection_hashed_rwset())
      contents[{Kind::kPrivate, ns, collection.collection_name(), ""}] = collection.pvt_rwset_hash();
  }
  return contents;
}

std::string shown(const Place& place, const std::optional<std::string>& value) {
  if (!value) return place.kind == Kind::kRead ? "0" : "";
  if (place.kind == Kind::kPrivate) return to_hex(*value);
  if (place.kind == Kind::kMetadata && place.name == "VALIDATION_PARAMETER") {
    ::common::SignaturePolicyEnvelope policy;
    return wire::parse_into(*value, policy) ? policy.ShortDebugString() : "Error unmarshalling SBE policy";
  }
  return escape(*value, kValueCharsMax);
}

Difference describe(const Place& place, const std::optional<std::string>& expected,
                    const std::optional<std::string>& actual) {
  if (place.kind == Kind::kPrivate) {
    return {{"type", "private collection hash mismatch"},
            {"namespace", place.name_space},
            {"collection", place.key},
            {"initial-endorser-hash", shown(place, expected)},
            {"invoked-endorser-hash", shown(place, actual)}};
  }
  const char* what = place.kind == Kind::kRead ? "read" : place.kind == Kind::kWrite ? "write" : "metadata write";
  std::string type = !expected ? fmt::format("extraneous {}", what) : !actual ? fmt::format("missing {}", what) : "";
  if (type.empty())
    type = place.kind == Kind::kRead    ? "read value mismatch"
           : place.kind == Kind::kWrite ? "write value mismatch"
                                        : "write metadata mismatch";
  if (place.name == "VALIDATION_PARAMETER") type += " (SBE policy)";
  Difference out{{"type", std::move(type)}, {"namespace", place.name_space}, {"key", escape(place.key, kValueCharsMax)}};
  if (place.kind == Kind::kMetadata) out.emplace_back("name", place.name);
  out.emplace_back("initial-endorser-value", shown(place, expected));
  out.emplace_back("invoked-endorser-value", shown(place, actual));
  return out;
}

std::string describe_event(BytesView bytes) {
  ::protos::ChaincodeEvent event;
  if (!wire::parse_into(bytes, event)) return "unreadable";
  return fmt::format("chaincodeId: {}, name: {}, value: {}", event.chaincode_id(), escape(event.event_name(), 100),
                     escape(event.payload(), kValueCharsMax));
}

std::string describe_response(const wire::ResponseView& response) {
  return fmt::format("status: {}, message: {}, payload: {}", response.status, escape(Bytes(response.message), kValueCharsMax),
                     escape(Bytes(response.payload), kValueCharsMax));
}

}  // namespace

Result<std::vector<Difference>> differences(BytesView expected, BytesView actual) {
  SELVAGE_TRY(const auto one, wire::read_proposal_response_payload(expected));
  SELVAGE_TRY(const auto other, wire::read_proposal_response_payload(actual));
  SELVAGE_TRY(const auto a, wire::read_chaincode_action(one.extension));
  SELVAGE_TRY(const auto b, wire::read_chaincode_action(other.extension));
  SELVAGE_TRY(const Contents left, contents_of(a.results));
  SELVAGE_TRY(const Contents right, contents_of(b.results));
  std::vector<Difference> found;
  for (const auto& [place, value] : left) {
    const auto same = right.find(place);
    if (same == right.end()) {
      found.push_back(describe(place, value, std::nullopt));
    } else if (same->second != value) {
      found.push_back(describe(place, value, same->second));
    }
  }
  for (const auto& [place, value] : right)
    if (!left.contains(place)) found.push_back(describe(place, std::nullopt, value));
  if (a.events != b.events) {
    found.push_back({{"type", "chaincode event mismatch"},
                     {"initial-endorser-event", describe_event(a.events)},
                     {"invoked-endorser-event", describe_event(b.events)}});
  }
  if (a.response.status != b.response.status || a.response.message != b.response.message ||
      a.response.payload != b.response.payload) {
    found.push_back({{"type", "chaincode response mismatch"},
                     {"initial-endorser-response", describe_response(a.response)},
                     {"invoked-endorser-response", describe_response(b.response)}});
  }
  return found;
}

void log_difference(const std::string& initial_endorser, const Member& invoked, BytesView expected, BytesView actual) {
  static const log::Logger base("gateway.responsechecker");
  const auto logger = base.with("initial-endorser", initial_endorser)
                          .with("invoked-endorser", invoked.endpoint + " (" + invoked.mspid + ")");
  const auto found = differences(expected, actual);
  if (!found) {
    LOG_WARN(logger, "Failed to analyse response mismatch: {}", found.error().message);
    return;
  }
  LOG_WARN(logger, "Compared to the initial endorser's response, the following log entries detail the differences in this "
                   "invoked endorser's response.");
  for (size_t i = 0; i < found->size() && i < kDifferencesMax; ++i) {
    std::string fields;
    for (const auto& [name, value] : (*found)[i]) fields += " " + name + "=" + value;
    LOG_WARN(logger, "Proposal response mismatch:{}", fields);
  }
}

}  // namespace selvage::gateway
