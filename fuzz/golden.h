// A channel for targets that need one: the genesis block that is their corpus' neighbour.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "channel/bundle.h"
#include "common/common.pb.h"

namespace selvage::fuzz {

inline channel::BundlePtr golden_bundle() {
  std::ifstream file(SELVAGE_FUZZ_FOLDER "/corpus/config_block/genesis", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  ::common::Block block;
  if (!block.ParseFromString(bytes)) std::abort();
  auto bundle = channel::Bundle::from_block(block);
  if (!bundle) std::abort();
  return *bundle;
}

}  // namespace selvage::fuzz
