// Waits until peers have committed a transaction, on their DeliverFiltered streams.
//
//   CommitClient commit(channel_id, transaction_id, signer, dialer.certificate_hash());
//   SELVAGE_CHECK(commit.connect(peers));          // before the transaction is sent: nothing can be missed
//   SELVAGE_CHECK(broadcast.send(envelope));
//   SELVAGE_CHECK(commit.wait(30s));
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "peer/transaction.pb.h"
#include "rpc/channel.h"
#include "wire/signer.h"

namespace selvage::client {

struct CommitPeer {
  std::shared_ptr<rpc::Channel> channel;
  std::string address;
};

class CommitClient {
 public:
  CommitClient(std::string channel_id, std::string transaction_id, wire::Signer signer, Bytes certificate_hash);
  ~CommitClient();

  // Opens a stream to each peer, from its newest block on.
  [[nodiscard]] Status connect(const std::vector<CommitPeer>& peers);
  // Until every peer has committed the transaction. `told` is called for each peer that has, from several threads.
  // Errors: "transaction invalidated with status (MVCC_READ_CONFLICT)", "deliver completed with status (FORBIDDEN)
  // before txid received", "timed out waiting for txid on all peers".
  using Told = std::function<void(const std::string& address, ::protos::TxValidationCode code)>;
  [[nodiscard]] Status wait(std::chrono::milliseconds timeout, const Told& told = nullptr);

 private:
  struct Watch {
    std::shared_ptr<rpc::Channel> channel;  // a channel that goes ends its streams
    std::string address;
    std::unique_ptr<rpc::ClientStream> stream;
  };
  [[nodiscard]] Status follow(Watch& watch, const Told& told) const;

  std::string channel_id_;
  std::string transaction_id_;
  wire::Signer signer_;
  Bytes certificate_hash_;
  std::vector<Watch> watches_;
};

}  // namespace selvage::client
