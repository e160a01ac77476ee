// Serialized identities: the first bytes of a stranger that peer and orderer look at closely.
#include <cstdlib>
#include <memory>

#include "identity/msp_manager.h"
#include "msp/msp_config.pb.h"

namespace {

// The CA of src/identity/testdata, with its revocation list.
constexpr char kAuthority[] = R"(-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUIj9Og6ZA84AA30N9ygBCuN3rcGAwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLY2EucmV2b2tpbmcwIBcNMjYxMTIzMTgyNjA0WhgPMjA1NjEx
MTUxODI2MDRaMBYxFDASBgNVBAMMC2NhLnJldm9raW5nMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAERUAE2L5mH+fHBYyEey0wQ1zhcwMn+Jh2a6c8vbyjtZyQGdmH
oO0HfamLDZoIXOAuN3fNqboD8GjjKtFIZrG+baNjMGEwHQYDVR0OBBYEFA19su/j
x4AHZLD6Eq64SwxVCx2uMB8GA1UdIwQYMBaAFA19su/jx4AHZLD6Eq64SwxVCx2u
MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMCA0gA
MEUCIQDYWEEBed+XzsSkIbZsjqBSVUHGqyGwArnKu/lV7GwjjAIgRiqatPk/gpXw
M35iXD8RslIX/3W/MCxR4aijlWBQM1s=
-----END CERTIFICATE-----
)";
constexpr char kRevocationList[] = R"(-----BEGIN X509 CRL-----
MIHnMIGOAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMMC2NhLnJldm9raW5nFw0y
NjExMjMxODI2MDhaGA8yMDU2MTExNDE4MjYwOFowFDASAgECFw0yNjExMjMxODI2
MDhaoC8wLTAfBgNVHSMEGDAWgBQNfbLv48eAB2Sw+hKuuEsMVQsdrjAKBgNVHRQE
AwIBATAKBggqhkjOPQQDAgNIADBFAiBaAYscJpaHhIQ57XOaAjcMkJnW/CCHO5wG
13+2arOH8AIhAIgJGZf6s9G0HUPQVdVAblbyM2jGWxus2Fvk7dZf7T7a
-----END X509 CRL-----
)";

std::shared_ptr<const selvage::identity::MspManager> make_manager() {
  ::msp::FabricMSPConfig fabric;
  fabric.set_name("Org1MSP");
  fabric.add_root_certs(kAuthority);
  fabric.add_revocation_list(kRevocationList);
  fabric.mutable_fabric_node_ous()->set_enable(true);
  fabric.mutable_fabric_node_ous()->mutable_client_ou_identifier()->set_organizational_unit_identifier("client");
  fabric.mutable_fabric_node_ous()->mutable_admin_ou_identifier()->set_organizational_unit_identifier("admin");
  ::msp::MSPConfig config;
  config.set_config(fabric.SerializeAsString());
  auto msp = selvage::identity::Msp::make(config, selvage::identity::MspVersion::kV3_0);
  if (!msp) std::abort();
  return *selvage::identity::MspManager::make({*msp});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const auto manager = make_manager();
  const BytesView input(reinterpret_cast<const char*>(bytes), size);
  (void)manager->check_well_formed(input).has_value();
  (void)identity::describe_identity(input);
  if (auto identity = manager->deserialize(input)) {
    (void)(*identity)->validate().has_value();
    (void)(*identity)->verify("message", input).has_value();
  }
  return 0;
}
