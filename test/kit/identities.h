// Organisations for tests: an enrolment CA, a TLS CA, node OUs, and as many members as a test asks for.
//
//   test::Organization org("Org1MSP");
//   identity::SigningIdentity admin = org.admin(), peer = org.peer("peer0"), user = org.client("app1");
//   std::shared_ptr<const identity::Msp> msp = org.msp();
//
// Members are made at first use and are the same each time. Ends the test program when OpenSSL fails. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "identity/msp.h"
#include "identity/msp_manager.h"
#include "identity/posix_msp_directory.h"
#include "identity/signer.h"
#include "kit/certificates.h"

namespace msp {
class FabricMSPConfig;
class MSPConfig;
}  // namespace msp

namespace selvage::test {

class Organization {
 public:
  explicit Organization(std::string mspid);

  [[nodiscard]] const std::string& mspid() const { return mspid_; }
  [[nodiscard]] const Authority& ca() const { return ca_; }
  [[nodiscard]] const Authority& tls_ca() const { return tls_ca_; }

  // Enrolment identities; the OU is the role.
  [[nodiscard]] const identity::SigningIdentity& admin(const std::string& name = "admin");
  [[nodiscard]] const identity::SigningIdentity& client(const std::string& name = "user1");
  [[nodiscard]] const identity::SigningIdentity& peer(const std::string& name = "peer0");
  [[nodiscard]] const identity::SigningIdentity& orderer(const std::string& name = "orderer0");
  // With any OU, and spoiled.
  [[nodiscard]] identity::SigningIdentity member(const std::string& name, const std::string& unit, const Spoil& spoil = {});

  // NodeOUs with client, peer, admin and orderer; the TLS root is published.
  [[nodiscard]] ::msp::FabricMSPConfig fabric_config() const;
  [[nodiscard]] ::msp::MSPConfig msp_config() const;
  [[nodiscard]] std::shared_ptr<const identity::Msp> msp() const;

  // Writes an MSP directory for one of the members: cacerts, tlscacerts, signcerts, keystore, config.yaml.
  void write_directory(const std::string& directory, const identity::SigningIdentity& member) const;

 private:
  std::string mspid_;
  Authority ca_, tls_ca_;
  std::map<std::string, identity::SigningIdentity> members_;
};

[[nodiscard]] ::msp::MSPConfig wrap(const ::msp::FabricMSPConfig& config);
// All MSPs in one manager, as a channel has them.
[[nodiscard]] std::shared_ptr<const identity::MspManager> manager_of(const std::vector<const Organization*>& organizations);

}  // namespace selvage::test
