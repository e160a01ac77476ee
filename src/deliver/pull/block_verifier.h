// Is this block the next one of its channel, and did the ordering service sign it? Follows the chain block by block, and
// the configuration with each config block it is shown.
//
// Pure; one thread; a copy goes on by itself. The caller is whoever takes blocks from somebody else: pull_worker, and state transfer between peers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "channel/bundle.h"

namespace common {
class Block;
}

namespace selvage::deliver {

class BlockVerifier {
 public:
  // Follows block `next_number - 1`, whose header hash is `last_hash`, under the configuration in force after it.
  // `next_number` 0 (a channel of which nothing is known) is refused: a peer has its genesis block from its operator.
  BlockVerifier(channel::BundlePtr bundle, uint64_t next_number, Bytes last_hash);

  // Number, previous hash, data hash, canonical transactions, metadata and signatures over the BlockValidation policy; for
  // a config block also that its configuration can be used. On success the verifier has moved on to the next block.
  // Errors: kInvalidArgument or kPermissionDenied with Fabric's words; the verifier stays where it was.
  // Fabric quirk: common/deliverclient/block_verification.go, protoutil/blockutils.go BlockSignatureVerifier.
  Status accept(const ::common::Block& block);
  // The same for a block without its data, by which an orderer attests that it exists. Config blocks come whole also to who
  // asked for attestations, and belong into accept().
  Status accept_attestation(const ::common::Block& block);

  [[nodiscard]] uint64_t next_number() const { return next_number_; }
  // Of the last accepted block.
  [[nodiscard]] const channel::BundlePtr& bundle() const { return bundle_; }

 private:
  [[nodiscard]] Status check_links(const ::common::Block& block) const;
  [[nodiscard]] Status check_data(const ::common::Block& block) const;
  void move_on(const ::common::Block& block);
  channel::BundlePtr bundle_;
  uint64_t next_number_;
  Bytes last_hash_;
};

// Signatures alone: the metadata of `block` satisfies the BlockValidation policy of `bundle`.
[[nodiscard]] Status check_block_signatures(const ::common::Block& block, const channel::Bundle& bundle);

}  // namespace selvage::deliver
