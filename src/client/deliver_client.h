// Single blocks from an orderer (orderer.AtomicBroadcast/Deliver) or a peer (protos.Deliver/Deliver).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "rpc/channel.h"
#include "wire/signer.h"

namespace orderer {
class SeekInfo;
}

namespace selvage::client {

enum class From { kOrderer, kPeer };
struct Oldest {};
struct Newest {};
using Position = std::variant<Oldest, Newest, uint64_t>;

class DeliverClient {
 public:
  // `certificate_hash`: Dialer::certificate_hash(), which servers with client authentication compare.
  DeliverClient(std::shared_ptr<rpc::Channel> channel, From from, std::string channel_id, wire::Signer signer,
                Bytes certificate_hash, bool best_effort = false);

  // Waits for the block if it does not exist yet. Errors: "can't read the block: &{NOT_FOUND}", with why_refused() as
  // its cause; "error receiving: rpc error: ..."
  [[nodiscard]] Result<::common::Block> fetch(const Position& position);

 private:
  std::shared_ptr<rpc::Channel> channel_;
  From from_;
  std::string channel_id_;
  wire::Signer signer_;
  Bytes certificate_hash_;
  bool best_effort_;
};

// Why a node of ours answered a deliver request with BAD_REQUEST, which for others' nodes stands in their log only: "" then,
// and for any other status. Waits for the stream's end, which follows such an answer.
[[nodiscard]] std::string why_refused(rpc::ClientStream& stream, ::common::Status answer);

// The signed request that starts a deliver stream.
[[nodiscard]] Result<::common::Envelope> make_seek_envelope(const std::string& channel_id, const wire::Signer& signer,
                                                            const Bytes& certificate_hash,
                                                            const ::orderer::SeekInfo& seek);

}  // namespace selvage::client
