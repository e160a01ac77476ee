// Waits until peers have committed a transaction, on their DeliverFiltered streams.
//
//   CommitClient commit(channel_id, transaction_id, signer, dialer.certificate_hash());
//   SELVAGE_CHECK(commit.connect(peers, 30s));     // before the transaction is sent: nothing can be missed
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

  // Opens a stream to each peer, from its newest block on, and waits until that block or a refusal has come: only then does the
  // stream have all that follows. What a peer answered is wait()'s to judge. Errors: a peer cannot be reached, "timed out waiting
  // for txid on all peers".
  [[nodiscard]] Status connect(const std::vector<CommitPeer>& peers, std::chrono::milliseconds timeout);
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
    Bytes first;  // the answer that connect() waited for; empty: the stream has ended
  };
  // In a thread for each peer; cancels those that take longer.
  template <class Each>
  [[nodiscard]] bool on_all(std::chrono::milliseconds timeout, Each each);
  [[nodiscard]] Status follow(Watch& watch, const Told& told) const;

  std::string channel_id_;
  std::string transaction_id_;
  wire::Signer signer_;
  Bytes certificate_hash_;
  std::vector<Watch> watches_;
};

}  // namespace selvage::client
