// What a process has loaded for TLS: its pairs, whom it believes, the files behind both, and other people's certificates
// whose end matters to it. The operations listener shows it, upkeep_worker.h keeps it fresh.
//
//   registry.add_pair({.role = "server TLS", .store = own, .as_server = true, .hosts = {"peer0.org1.example.com"}});
//   registry.add_pool({.name = "PeerServer", .store = trust});
//   registry.add_root_files({.store = trust, .source = "files", .paths = {...}, .load = [=] { return load_roots(...); }});
//
// Whoever makes a pair or a pool adds it here: node/, and stages that make their own (chaincode's CA). Any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::tls {

// A pair of ours, and what a new one must be able to do to take its place.
struct Pair {
  std::string role;          // "server TLS", "client TLS", "cluster TLS", "operations TLS": for messages and metrics
  std::shared_ptr<CredentialStore> store;
  bool as_server = false;    // others dial it
  bool as_client = false;    // we dial with it
  std::vector<std::string> hosts;  // names and addresses under which others dial us; a new pair must cover what the old one did
  bool hosts_of_many = false;      // `hosts` are those of all nodes of a kind, ours among them
  std::shared_ptr<TrustStore> trusted_by;  // stands for what others believe: if the old pair chains to it, so must the new
  // A last word over a new pair (a consenter's key that the channels name); may be empty. Called without locks held.
  std::function<Status(const Credentials& now, const Credentials& next)> judge;
};

// One pool of roots and what is judged with it.
struct Pool {
  std::string name;          // "PeerServer", "Admin", "orderers of mychannel"
  bool of_clients = true;    // judges who connects to us; false: whom we dial
  std::shared_ptr<TrustStore> store;
};

// Files whose certificates are one source of a pool.
struct RootFiles {
  std::shared_ptr<TrustStore> store;
  std::string source;        // TrustStore::set_source
  std::vector<std::string> paths;
  std::function<Result<std::vector<Root>>()> load;
};

// Somebody's certificate whose end we are to warn of: an enrolment certificate, a consenter's.
struct Watched {
  std::string role;          // "enrollment", "consenter"
  std::string source;        // "msp/signcerts/cert.pem", "channel mychannel, consenter 2 (orderer2:7050)"
  crypto::Certificate certificate;
};

class Registry {
 public:
  // A role that is there already is replaced.
  void add_pair(Pair pair);
  void add_pool(Pool pool);
  void remove_pool(const std::string& name);
  void add_root_files(RootFiles files);
  // Replaces what this owner gave before; an empty list forgets it.
  void set_watched(const std::string& owner, std::vector<Watched> certificates);

  [[nodiscard]] std::vector<Pair> pairs() const;
  [[nodiscard]] std::vector<Pool> pools() const;
  [[nodiscard]] std::vector<RootFiles> root_files() const;
  [[nodiscard]] std::vector<Watched> watched() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Pair> pairs_;
  std::vector<Pool> pools_;
  std::vector<RootFiles> files_;
  std::vector<std::pair<std::string, std::vector<Watched>>> watched_;
};

}  // namespace selvage::tls
