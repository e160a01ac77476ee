// Deliver as a gRPC service: AtomicBroadcast/Deliver of the orderer, Deliver and DeliverFiltered of the peer.
//
// A stream is a small state machine that a pool thread runs when something happened (a request came, the send queue has
// room, the channel changed); a stream that waits for the next block holds no thread. Who differs in what is sent or who
// may read gives a Rendering and an AccessCheck.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "deliver/serve/seek.h"
#include "deliver/serve/source.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::deliver {

// How blocks and statuses become messages of the stream. Called from pool threads, several at once.
class Rendering {
 public:
  virtual ~Rendering() = default;
  // The response that carries this block. An error ends the stream with it as its gRPC status.
  [[nodiscard]] virtual Result<Bytes> block(const common::Block& block, const Source& source,
                                            const SeekRequest& request) const = 0;
  [[nodiscard]] virtual Bytes status(common::Status status) const = 0;
  // Label of the deliver_* metrics: "block", "filtered_block", "block_and_pvtdata".
  [[nodiscard]] virtual const char* data_type() const = 0;
  [[nodiscard]] virtual bool filtered() const { return false; }
  // FilteredBlock carries no transactions to begin with, so HEADER_WITH_SIG is left to block() where this is false.
  [[nodiscard]] virtual bool honours_header_only() const { return true; }
};

// orderer.DeliverResponse{status | block}: the orderer's Deliver.
class OrdererRendering final : public Rendering {
 public:
  [[nodiscard]] Result<Bytes> block(const common::Block& block, const Source& source,
                                    const SeekRequest& request) const override;
  [[nodiscard]] Bytes status(common::Status status) const override;
  [[nodiscard]] const char* data_type() const override { return "block"; }
};

// May the signer of `request` read from this channel, under this configuration? Asked at the start and again whenever the
// configuration's sequence grew. Called from pool threads. The error's text goes to our log; the client sees FORBIDDEN.
using AccessCheck = std::function<Status(const channel::Bundle& bundle, const SeekRequest& request)>;

// When the identity in these bytes (msp.SerializedIdentity) ends; nullopt: never, or not an X.509 identity.
using ExpiryOf = std::function<std::optional<SystemTime>(BytesView serialized_identity)>;

// Runs a function soon on a thread of a pool; never on the caller's.
using Post = std::function<void(std::function<void()>)>;

struct Settings {
  RequestRules rules;
  // Empty: identities do not expire (General.Authentication.NoExpirationChecks).
  ExpiryOf expiry_of;
  // A stream whose client does not read stops at this many queued bytes (one more block may follow). Bytes.
  // Must be more than rpc::ServerSettings::write_high_bytes, or nobody would wake the stream.
  size_t queued_bytes_max = 2 << 20;
  // Envelopes that a client may send ahead of the one in work; then its window is closed. Count.
  size_t requests_ahead_max = 16;
};

// One per node: holds what its streams share. Must outlive the rpc::Server that it was added to.
class DeliverService {
 public:
  // `sources`, `clock` and `metrics` must outlive the service.
  DeliverService(Settings settings, const Sources& sources, const Clock& clock, metrics::Provider& metrics, Post post);
  ~DeliverService();

  // Serves `path` ("/orderer.AtomicBroadcast/Deliver"). Several paths may share a service. Before Server::start().
  void add_to(rpc::Server& server, const std::string& path, std::shared_ptr<const Rendering> rendering,
              AccessCheck access);

  // Everything a stream needs from the service; defined in the .cc.
  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace selvage::deliver
