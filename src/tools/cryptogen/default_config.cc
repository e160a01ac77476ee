#include "tools/cryptogen/crypto_config.h"

namespace selvage::tools::cryptogen {

const char* const kDefaultConfig = R"(
# Organisations that run orderers.
OrdererOrgs:
  - Name: Orderer
    Domain: example.com
    # true: roles (admin, peer, orderer, client) come from the certificate's OU, and no admincerts folder is needed.
    EnableNodeOUs: false
    # One entry a node. Keys: see Specs of Org1.
    Specs:
      - Hostname: orderer

# Organisations that run peers.
PeerOrgs:
  - Name: Org1
    Domain: org1.example.com
    EnableNodeOUs: false

    # The organisation's two certificate authorities (signing and TLS). Default: Hostname ca, no further names.
    # CA:
    #   Hostname: ca
    #   Country: US
    #   Province: California
    #   Locality: San Francisco
    #   OrganizationalUnit: Hyperledger Fabric
    #   StreetAddress: one line
    #   PostalCode: one word
    #   PublicKeyAlgorithm: ecdsa        # or ed25519

    # Nodes by name.
    #   Hostname            without the domain
    #   CommonName          default {{.Hostname}}.{{.Domain}}
    #   SANS                further names and IP addresses of the TLS certificate, where {{.Hostname}}, {{.Domain}} and
    #                       {{.CommonName}} are replaced; common name and host name are always in
    #   PublicKeyAlgorithm  ecdsa or ed25519
    # Specs:
    #   - Hostname: foo
    #     CommonName: foo27.org5.example.com
    #     SANS:
    #       - "bar.{{.Domain}}"
    #       - 172.16.10.31
    #   - Hostname: baz

    # Nodes by number, in addition to Specs: peer0, peer1, ...
    #   Count               how many
    #   Start               the first number, default 0
    #   Hostname            default {{.Prefix}}{{.Index}}
    #   SANS, PublicKeyAlgorithm  as in Specs
    Template:
      Count: 1

    # Users besides Admin: User1, User2, ...
    Users:
      Count: 1
      PublicKeyAlgorithm: ecdsa

  - Name: Org2
    Domain: org2.example.com
    EnableNodeOUs: false
    Template:
      Count: 1
    Users:
      Count: 1
)";

}  // namespace selvage::tools::cryptogen
