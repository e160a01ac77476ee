#include "policy/policy.h"

#include <set>

#include "base/log.h"
#include "common/common.pb.h"
#include "identity/signature_memory.h"
#include "peer/proposal.pb.h"
#include "wire/marshal.h"

namespace selvage::policy {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("policies");
  return instance;
}

constexpr char kUnreadable[] = "proto: cannot parse invalid wire-format data";

Result<Bytes> creator_of(const Bytes& signature_header, const char* context) {
  ::common::SignatureHeader header;
  if (!wire::parse_into(signature_header, header)) {
    return fail(Code::kInvalidArgument, std::string(context) + kUnreadable);
  }
  return std::move(*header.mutable_creator());
}

}  // namespace

std::vector<IdentityPtr> valid_identities(std::span<const SignedData> signatures,
                                          const identity::IdentityDeserializer& deserializer,
                                          identity::SignatureMemory* known) {
  std::vector<IdentityPtr> identities;
  identities.reserve(signatures.size());
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const SignedData& signature : signatures) {
    auto identity = deserializer.deserialize(signature.identity);
    if (!identity) {
      LOG_DEBUG(logger(), "invalid identity error={} identity={}", identity.error().message,
                identity::describe_identity(signature.identity));
      continue;
    }
    const std::pair<std::string_view, std::string_view> key((*identity)->mspid(), (*identity)->id());
    // An identity is spent by a good signature only: a bad one first does not shut out the good one after it.
    if (seen.count(key) > 0) {
      LOG_DEBUG(logger(), "De-duplicating identity [{}{}] in signature set", key.first, key.second);
      continue;
    }
    Bytes digest;
    if (known != nullptr) {
      digest = identity::SignatureMemory::key(signature.identity, signature.data, signature.signature);
    }
    if (known == nullptr || !known->contains(digest)) {
      if (auto verified = (*identity)->verify(signature.data, signature.signature); !verified) {
        LOG_DEBUG(logger(), "signature for identity is invalid: {}", verified.error().message);
        continue;
      }
      if (known != nullptr) known->add(digest);
    }
    identities.push_back(std::move(*identity));
    seen.emplace(identities.back()->mspid(), identities.back()->id());
  }
  return identities;
}

Result<OwnedSignedData> signed_data_of(const ::common::Envelope& envelope) {
  ::common::Payload payload;
  if (!wire::parse_into(envelope.payload(), payload)) return fail(Code::kInvalidArgument, kUnreadable);
  if (!payload.has_header()) return fail(Code::kInvalidArgument, "Missing Header");
  SELVAGE_TRY(Bytes creator, creator_of(payload.header().signature_header(), "GetSignatureHeaderFromBytes failed, err "));
  return OwnedSignedData{envelope.payload(), std::move(creator), envelope.signature()};
}

Result<OwnedSignedData> signed_data_of(const ::protos::SignedProposal& proposal) {
  ::protos::Proposal parsed;
  if (!wire::parse_into(proposal.proposal_bytes(), parsed)) {
    return fail(Code::kInvalidArgument, std::string("error unmarshalling Proposal: ") + kUnreadable);
  }
  ::common::Header header;
  if (!wire::parse_into(parsed.header(), header)) {
    return fail(Code::kInvalidArgument, std::string("error unmarshalling Header: ") + kUnreadable);
  }
  SELVAGE_TRY(Bytes creator, creator_of(header.signature_header(), "error unmarshalling SignatureHeader: "));
  return OwnedSignedData{proposal.proposal_bytes(), std::move(creator), proposal.signature()};
}

}  // namespace selvage::policy
