// Certificates, keys and revocation lists, as DER and as PEM, from anybody.
#include <cstdint>

#include "crypto/certificate.h"
#include "crypto/chain.h"
#include "crypto/pem.h"
#include "crypto/revocation_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  BytesView input(reinterpret_cast<const char*>(bytes), size);
  auto look = [](const crypto::Certificate& certificate) {
    (void)certificate.subject();
    (void)certificate.serial_decimal();
    (void)certificate.pem();
    (void)crypto::check_host(certificate, "localhost");
    (void)certificate.with_low_s(certificate.public_key()).has_value();
    crypto::CertificatePool roots;
    roots.add(certificate);
    crypto::ChainQuestion question;
    question.now = to_system_time(certificate.not_before());
    question.usages = {crypto::kClientAuth};
    (void)crypto::verify_chain(certificate, {}, roots, question).accepted();
    (void)certificate.check_signature_from(certificate).has_value();
  };
  if (auto one = crypto::Certificate::from_der(input)) look(*one);
  if (auto all = crypto::Certificate::all_from_pem(input)) {
    for (const auto& one : *all) look(one);
  }
  (void)crypto::PrivateKey::from_pem(input).has_value();
  (void)crypto::PublicKey::from_pem(input).has_value();
  (void)crypto::PublicKey::from_spki_der(input).has_value();
  (void)crypto::RevocationList::from_pem(input).has_value();
  (void)crypto::describe_non_pem(input, "CERTIFICATE");
  return 0;
}
