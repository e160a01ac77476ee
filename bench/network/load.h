// A client of a whole network: many users at once, over mutual TLS with one identity and one TLS pair. Measures how many
// operations a second the network does, how long one takes, and above all how much CPU each process spends on one.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "identity/signer.h"
#include "rpc/channel.h"
#include "tls/context.h"

namespace selvage::bench {

struct Target {
  std::string address;
  std::string ca_file;
};

struct LoadSettings {
  std::string channel = "ch1";
  std::string chaincode = "basic";
  std::string msp_directory;
  std::string mspid = "Org1MSP";
  std::string tls_certificate;
  std::string tls_key;
  Target orderer;
  std::vector<Target> peers;
};

// Submits and reads. Any thread.
class Client {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Client>> make(LoadSettings settings);
  ~Client();

  // Endorsed by all peers, ordered, and reported VALID by the first peer.
  Status submit(const std::vector<Bytes>& args);
  // Endorsed by all peers, and not sent to the orderer.
  Status endorse(const std::vector<Bytes>& args);
  // Asked of the first peer.
  Status evaluate(const std::vector<Bytes>& args);
  // A new connection to the first peer, up to HTTP/2 settings, and its end.
  Status handshake();

 private:
  struct Pending {  // one transaction on its way: ordered, then committed
    bool ordered = false;
    bool committed = false;
    Error failure;
  };
  class OrderStream;

  Client(LoadSettings settings, identity::SigningIdentity signer);
  Status connect();
  [[nodiscard]] Result<std::shared_ptr<tls::ClientContext>> context_for(const Target& target) const;
  Status follow_commits();
  void read_commits();

  LoadSettings settings_;
  identity::SigningIdentity signer_;
  std::shared_ptr<tls::CredentialStore> credentials_;
  std::vector<std::shared_ptr<rpc::Channel>> peers_;
  std::shared_ptr<rpc::Channel> orderer_;
  std::unique_ptr<OrderStream> order_;
  std::unique_ptr<rpc::ClientStream> commits_;
  std::thread commit_reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Pending*> pending_;  // by transaction id
  bool commits_gone_ = false;
};

}  // namespace selvage::bench
