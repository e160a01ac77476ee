// Keys, signatures and revocation lists, as PEM or DER: of strangers, and of operators who took the wrong file.
#include "crypto/key.h"
#include "crypto/pem.h"
#include "crypto/revocation_list.h"

namespace {

void use(const selvage::crypto::PublicKey& key, selvage::BytesView signature) {
  using namespace selvage::crypto;
  (void)key.ski();
  (void)key.to_pem();
  (void)key.verify("message", signature).has_value();
  (void)to_low_s(key, signature).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  const BytesView input(reinterpret_cast<const char*>(bytes), size);
  std::vector<int> broken;
  for (const crypto::PemBlock& block : crypto::parse_pem(input, &broken)) {
    if (crypto::parse_pem(crypto::encode_pem("X", block.der)).size() != 1) __builtin_trap();
    if (auto key = crypto::PublicKey::from_spki_der(block.der)) use(*key, input.substr(0, 72));
    (void)crypto::RevocationList::from_der(block.der).has_value();
  }
  (void)crypto::describe_non_pem(input, "PRIVATE KEY");
  if (auto key = crypto::PublicKey::from_pem(input)) use(*key, input.substr(0, 72));
  if (auto key = crypto::PublicKey::from_spki_der(input)) use(*key, input);
  (void)crypto::PrivateKey::from_pem(input).has_value();
  (void)crypto::RevocationList::from_pem(input).has_value();
  (void)crypto::RevocationList::from_der(input).has_value();
  static const auto fixed = *crypto::PrivateKey::generate_p256();
  use(fixed.public_key(), input);
  return 0;
}
