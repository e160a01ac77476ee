#include "identity/identity.h"

#include <fmt/format.h>

#include "base/log.h"
#include "crypto/pem.h"
#include "identity/msp.h"
#include "msp/identities.pb.h"
#include "wire/marshal.h"

namespace selvage::identity {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("msp.identity");
  return instance;
}

std::string describe(const crypto::Certificate& certificate) {
  return fmt::format("(certificate subject={} issuer={} serialnumber={})", escape(certificate.subject()),
                     escape(certificate.issuer()), certificate.serial_decimal());
}

}  // namespace

Identity::Identity(std::shared_ptr<const Msp> msp, crypto::Certificate certificate, Bytes serialized)
    : msp_(std::move(msp)),
      certificate_(std::move(certificate)),
      serialized_(std::move(serialized)),
      id_(to_hex(certificate_.sha256())) {}

Identity::~Identity() { delete validity_.load(); }

const std::string& Identity::mspid() const { return msp_->mspid(); }

SystemTime Identity::expires_at() const { return to_system_time(certificate_.not_after()); }

Status Identity::verify(BytesView message, BytesView signature) const {
  Status answer = certificate_.public_key().verify(message, signature);
  if (answer) return answer;
  if (answer.error().code == Code::kInvalidArgument) {
    Error error = answer.error().within("could not determine the validity of the signature");
    error.code = Code::kUnauthenticated;
    return fail(std::move(error));
  }
  LOG_DEBUG(logger(), "The signature is invalid for {}", describe(certificate_));
  return fail(Code::kUnauthenticated, "The signature is invalid");
}

Status Identity::validate() const {
  if (const Status* known = validity_.load(std::memory_order_acquire)) return *known;
  auto answer = std::make_unique<Status>(msp_->validate(*this));
  if (!*answer) {
    LOG_DEBUG(logger(), "Could not validate identity: {} {}", answer->error().message, describe(certificate_));
  }
  const Status* expected = nullptr;
  // Two threads may both find out; the first to publish wins, both answers are equal.
  if (validity_.compare_exchange_strong(expected, answer.get(), std::memory_order_acq_rel)) return *answer.release();
  return *expected;
}

Status Identity::satisfies(const ::common::MSPPrincipal& principal) const { return msp_->satisfies(*this, principal); }

std::string describe_identity(BytesView serialized) {
  ::msp::SerializedIdentity claim;
  if (serialized.empty() || !wire::parse_into(serialized, claim)) {
    return "identity could not be unmarshalled";
  }
  const std::vector<crypto::PemBlock> blocks = crypto::parse_pem(claim.id_bytes());
  if (blocks.empty()) return fmt::format("(mspid={} certificate is not PEM)", escape(claim.mspid()));
  auto certificate = crypto::Certificate::from_der(blocks.front().der);
  if (!certificate) return fmt::format("(mspid={} certificate could not be parsed)", escape(claim.mspid()));
  return fmt::format("(mspid={} subject={} issuer={} serialnumber={})", escape(claim.mspid()),
                     escape(certificate->subject()), escape(certificate->issuer()), certificate->serial_decimal());
}

Bytes serialize_identity(std::string_view mspid, std::string_view certificate_pem) {
  ::msp::SerializedIdentity identity;
  identity.set_mspid(std::string(mspid));
  identity.set_id_bytes(std::string(certificate_pem));
  return identity.SerializeAsString();
}

}  // namespace selvage::identity
