#include "endorse/proposal.h"

#include <fmt/format.h>

#include <ctime>

#include "crypto/hash.h"
#include "wire/envelope.h"
#include "wire/marshal.h"
#include "wire/proposal.h"

namespace selvage::endorse {
namespace {

constexpr int32_t kConfig = common::CONFIG;
constexpr int32_t kEndorserTransaction = common::ENDORSER_TRANSACTION;

// Go's time.RFC3339 in UTC.
std::string rfc3339(int64_t seconds) {
  std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text, length);
}

// Go's time.Duration.String() for whole seconds and the fractions that a setting has.
std::string go_duration(std::chrono::nanoseconds duration) {
  const int64_t whole = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const double seconds = static_cast<double>(whole % 60) +
                         static_cast<double>((duration - std::chrono::seconds(whole)).count()) / 1e9;
  if (whole == 0 && duration < std::chrono::seconds(1)) {
    if (duration.count() == 0) return "0s";
    if (duration < std::chrono::microseconds(1)) return fmt::format("{}ns", duration.count());
    if (duration < std::chrono::milliseconds(1)) return fmt::format("{:g}µs", static_cast<double>(duration.count()) / 1e3);
    return fmt::format("{:g}ms", static_cast<double>(duration.count()) / 1e6);
  }
  std::string out;
  if (whole >= 3600) out += fmt::format("{}h", whole / 3600);
  if (whole >= 60) out += fmt::format("{}m", whole / 60 % 60);
  return out + fmt::format("{:g}s", seconds);
}

}  // namespace

Result<UnpackedProposal> unpack(const protos::SignedProposal& signed_proposal) {
  UnpackedProposal out;
  out.signed_proposal = signed_proposal;
  SELVAGE_CHECK(wire::parse_into(signed_proposal.proposal_bytes(), out.proposal));
  common::Header header;
  SELVAGE_CHECK(wire::parse_into(out.proposal.header(), header));
  SELVAGE_CHECK(wire::parse_into(header.channel_header(), out.channel_header));
  SELVAGE_CHECK(wire::parse_into(header.signature_header(), out.signature_header));
  protos::ChaincodeHeaderExtension extension;
  SELVAGE_CHECK(wire::parse_into(out.channel_header.extension(), extension));
  if (!extension.has_chaincode_id())
    return fail(Code::kInvalidArgument, "ChaincodeHeaderExtension.ChaincodeId is nil");
  if (extension.chaincode_id().name().empty())
    return fail(Code::kInvalidArgument, "ChaincodeHeaderExtension.ChaincodeId.Name is empty");
  out.chaincode = extension.chaincode_id().name();
  protos::ChaincodeProposalPayload payload;
  SELVAGE_CHECK(wire::parse_into(out.proposal.payload(), payload));
  protos::ChaincodeInvocationSpec invocation;
  SELVAGE_CHECK(wire::parse_into(payload.input(), invocation));
  if (!invocation.has_chaincode_spec())
    return fail(Code::kInvalidArgument, "chaincode invocation spec did not contain chaincode spec");
  if (!invocation.chaincode_spec().has_input())
    return fail(Code::kInvalidArgument, "chaincode input did not contain any input");
  out.input = std::move(*invocation.mutable_chaincode_spec()->mutable_input());
  out.input.clear_decorations();  // what a client puts there is not passed on

  protos::ChaincodeProposalPayload without_transient;
  without_transient.set_input(payload.input());
  out.hash = crypto::sha256({header.channel_header(), header.signature_header(), without_transient.SerializeAsString()});
  return out;
}

Status check_headers(const UnpackedProposal& proposal) {
  const int32_t type = proposal.channel_header.type();
  // Fabric quirk: CONFIG is let through as well (msgvalidation.go Validate).
  if (type != kEndorserTransaction && type != kConfig)
    return fail(Code::kInvalidArgument, "invalid header type " + wire::header_type_name(type));
  if (proposal.channel_header.epoch() != 0) return fail(Code::kInvalidArgument, "epoch is non-zero");
  if (proposal.signature_header.nonce().empty()) return fail(Code::kInvalidArgument, "nonce is empty");
  if (proposal.signature_header.creator().empty()) return fail(Code::kInvalidArgument, "creator is empty");
  std::string expected = wire::transaction_id(proposal.signature_header.nonce(), proposal.signature_header.creator());
  if (proposal.txid() != expected)
    return fail(Code::kInvalidArgument,
                "incorrectly computed txid '" + proposal.txid() + "' -- expected '" + expected + "'");
  if (proposal.signed_proposal.proposal_bytes().empty()) return fail(Code::kInvalidArgument, "empty proposal bytes");
  if (proposal.signed_proposal.signature().empty()) return fail(Code::kInvalidArgument, "empty signature bytes");
  return {};
}

Status check_time_window(const UnpackedProposal& proposal, SystemTime now, std::chrono::nanoseconds window) {
  const auto& stamp = proposal.channel_header.timestamp();
  const int64_t now_ns = now.time_since_epoch().count();
  // Seconds come from outside: compared as doubles, they cannot overflow.
  const double off = static_cast<double>(stamp.seconds()) * 1e9 + stamp.nanos() - static_cast<double>(now_ns);
  if (std::abs(off) <= static_cast<double>(window.count())) return {};
  return fail(Code::kUnauthenticated,
              "request unauthorized due to incorrect timestamp " + rfc3339(stamp.seconds()) + ", peer time " +
                  rfc3339(now_ns / 1'000'000'000) + ", peer.authentication.timewindow " + go_duration(window));
}

}  // namespace selvage::endorse
