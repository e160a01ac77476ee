// A BFT ordering service for tests: orderers whom the configuration names by number, and who sign blocks by it.
//
//   test::Channel channel;
//   test::Consenters consenters(channel);  // three, of whom two must sign
//   consenters.sign(block, {1, 3});
#pragma once

#include <vector>

#include "common/common.pb.h"
#include "kit/channels.h"

namespace selvage::test {

class Consenters {
 public:
  // Changes channel.config(); `channel` outlives it.
  explicit Consenters(Channel& channel);

  // Replaces what is in slot SIGNATURES. A number that no consenter has signs as the first one.
  void sign(::common::Block& block, const std::vector<uint32_t>& ids);

 private:
  [[nodiscard]] const identity::SigningIdentity& of(uint32_t id);
  Channel& channel_;
};

}  // namespace selvage::test
