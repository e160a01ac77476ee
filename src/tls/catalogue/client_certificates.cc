#include "tls/catalogue/tables.h"

// The server judges the client's certificate.
namespace selvage::tls {

std::vector<Code> codes_of_client_certificates() {
  return {
      {1,
       "the client sent no certificate, and the server demands one",
       "the client",
       "The listener has client authentication on (`peer.tls.clientAuthRequired`, `General.TLS.ClientAuthRequired`) "
       "and the "
       "client came without a certificate. Often it is configured with one all the same: Go and Java libraries "
       "withhold a "
       "certificate whose issuer is not in the list that the server sends, so a wrong CA (TLS-02), an enrolment "
       "certificate "
       "(TLS-04), a missing intermediate (TLS-09) and a server that trusts the identity CA (TLS-05) look the same.",
       {"Give the client a TLS certificate and key. peer CLI: `CORE_PEER_TLS_CLIENTAUTHREQUIRED=true`, "
        "`CORE_PEER_TLS_CLIENTCERT_FILE`, `CORE_PEER_TLS_CLIENTKEY_FILE`; towards orderers `--clientauth --certfile F "
        "--keyfile F`.",
        "Fabric's Node SDK: `clientTlsIdentity` or `tlsInfo` once for the whole gateway; fabric-gateway: the TLS "
        "credentials of "
        "the gRPC client that it is given.",
        "If it has one, compare its issuer with the issuers that the server's record lists, and add the CA to the "
        "server's "
        "client roots where it is missing.",
        "Turning client authentication off hides the fault and opens the port to everybody."}},
      {2,
       "the client's certificate is from a CA that the server does not trust",
       "either side",
       "The chain that came does not end in one of the roots that the server holds for clients. A peer holds the TLS "
       "CAs of "
       "the application organisations of its channels and `peer.tls.clientRootCAs.files`; an orderer those of all "
       "organisations of its channels and `General.TLS.ClientRootCAs`. A certificate signed by itself is what Fabric's "
       "Node "
       "SDK makes when no TLS certificate is configured.",
       {"Use a client certificate from one of the CAs that the server's record lists.",
        "Or add the CA: `CORE_PEER_TLS_CLIENTROOTCAS_FILES`, `ORDERER_GENERAL_TLS_CLIENTROOTCAS`; for an organisation, "
        "its "
        "`tlscacerts` in the channel's configuration, which every node then follows by itself."}},
      {3,
       "a CA of the same name is trusted, with another key",
       "either side",
       "The issuer's name matches a trusted CA and its signature does not. Two generations of crypto material are "
       "mixed: "
       "certificates were made again and one side, or an old volume, still has the earlier ones.",
       {"Copy CA certificate and client certificate of one generation to both sides.",
        "Compare the key identifiers and the dates in the record: they say which side is the older one."}},
      {4,
       "an enrolment certificate is used for TLS",
       "the client",
       "Fabric has two kinds of certificates. The one of the MSP (`signcerts/cert.pem`) signs transactions and comes "
       "from the "
       "identity CA; TLS needs the other one, from the TLS CA.",
       {"On the client use `tls/client.crt` and `tls/client.key`, not `msp/signcerts/cert.pem` and `msp/keystore/`.",
        "With Fabric CA: `fabric-ca-client enroll --enrollment.profile tls` against the TLS CA."}},
      {5,
       "the server trusts an organisation's identity CA in place of its TLS CA",
       "the server",
       "The client is right. The server's client roots hold `ca.ORG` where `tlsca.ORG` belongs, so that every TLS "
       "certificate "
       "of the organisation is refused, or withheld by the client's library.",
       {"Put `msp/tlscacerts/*.pem` into `CORE_PEER_TLS_CLIENTROOTCAS_FILES` or `ORDERER_GENERAL_TLS_CLIENTROOTCAS`, "
        "not "
        "`msp/cacerts/*.pem`."}},
      {6,
       "the client's certificate does not allow clientAuth",
       "the client",
       "Its extended key usage names serverAuth only. A peer or an orderer dials others with its server certificate "
       "unless it "
       "is given another one, and public CAs no longer issue clientAuth, so this comes with a renewal.",
       {"Use a certificate with clientAuth from a private TLS CA; a peer takes it from `CORE_PEER_TLS_CLIENTCERT_FILE` "
        "and "
        "`CORE_PEER_TLS_CLIENTKEY_FILE`, an orderer from `ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE` and "
        "`ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY`."}},
      {7,
       "the client's certificate has expired",
       "the client",
       "Its last day is behind the server's clock (less the configured time shift).",
       {"Renew it with the same key: nothing else changes then. Fabric CA: `fabric-ca-client reenroll "
        "--enrollment.profile tls "
        "--csr.keyrequest.reusekey`.",
        "A running Selvage node picks the new files up by itself.",
        "For recovery only: `General.Cluster.TLSHandshakeTimeShift` lets orderers speak with each other once more."}},
      {8,
       "the client's certificate is not yet valid",
       "either side",
       "Its first day lies ahead of the server's clock. The alert that travels says `expired` all the same, since TLS "
       "has no "
       "other word.",
       {"Check the clocks (NTP) of the host that issued the certificate and of the server."}},
      {9,
       "the client did not send an intermediate certificate",
       "the client",
       "The issuer is an intermediate CA that is neither in the chain that came nor among the server's roots, while "
       "the root "
       "above it is trusted. Go's clients withhold the certificate in this case (TLS-01).",
       {"Append it to the client's certificate file, leaf first: `cat client.crt ica.crt > client-chain.crt`.",
        "Or let the organisation's MSP carry it: `msp/tlsintermediatecerts/` in the channel's configuration."}},
      {10,
       "a CA certificate of the chain has expired, the leaf is fine",
       "whoever keeps that CA",
       "Errors of most programs do not say which certificate of a chain expired; people renew the leaf, and nothing "
       "changes.",
       {"Renew the CA certificate with the same key and put it where the old one is: the server's client roots, or the "
        "organisation's `tlscacerts` in the channel's configuration.",
        "Certificates that it issued stay valid: their issuer's key is the same."}},
      {11,
       "a certificate among the roots is not a CA's",
       "the server",
       "A node's own certificate was put where its CA's belongs; it can sign nothing.",
       {"Put the CA's own certificate there (`basicConstraints CA:TRUE`, key usage `Certificate Sign`)."}},
      {12,
       "the certificate is signed with SHA-1 or MD5",
       "whoever issued it",
       "These hashes can be forged and are refused everywhere.",
       {"Issue it again with SHA-256."}},
      {13,
       "the key's curve is not one of TLS",
       "the client",
       "TLS here has P-256, P-384 and P-521, RSA and Ed25519. secp256k1 and SM2 cannot be used.",
       {"Make a new key on P-256 and have a certificate issued for it."}},
      {14,
       "the client's certificate is revoked: refused where that is looked at, else accepted all the same",
       "the client, or the server's operator",
       "Fabric never applies an MSP's revocation list to TLS: a revoked TLS certificate opens connections until it "
       "expires. With `peer.tls.revocation` or `General.TLS.Revocation` on it is refused, and the record names the "
       "channel and organisation whose list it is on.",
       {"Refused: have a new certificate issued.",
        "Accepted: set `CORE_PEER_TLS_REVOCATION=true`, `ORDERER_GENERAL_TLS_REVOCATION=true` (off by default, as in Fabric).",
        "Or issue the organisation's TLS certificates with short lives."}},
      {15,
       "the certificate would be refused if client authentication were on",
       "nobody yet",
       "With client authentication off a certificate that comes is not looked at. Before it is turned on, one wants to "
       "know who "
       "would be locked out.",
       {"`selvage doctor tls watch` lists who connects with which certificate, and what would become of it."}},
  };
}

}  // namespace selvage::tls
