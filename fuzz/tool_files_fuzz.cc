// Files that command lines read, each refused in words or understood. The first byte says which: configtx.yaml,
// crypto-config.yaml, a collections configuration, a connection profile, a checkpoint of events, META-INF of a
// chaincode.
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "client/gateway/checkpointer.h"
#include "common/configtx.pb.h"
#include "input.h"
#include "readable.h"
#include "kit/faulty_disk.h"
#include "lifecycle/metadata_file.h"
#include "peer/collection.pb.h"
#include "scratch.h"
#include "tools/configtxgen/encoder.h"
#include "tools/configtxgen/profile.h"
#include "tools/cryptogen/crypto_config.h"
#include "tools/peer/connection_profile.h"
#include "tools/peer/definition_flags.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
using fuzz::expect;
using fuzz::expect_readable;

template <class T>
bool good(const Result<T>& result) {
  expect(result.has_value() || !result.error().message.empty());
  return result.has_value();
}

void read_configtx(BytesView text) {
  namespace tool = tools::configtxgen;
  const auto tree = config::Tree::parse(text, "/nowhere/configtx.yaml", "CONFIGTX", {});
  if (!tree) return;
  (void)good(tool::load_organizations(*tree));
  (void)good(tool::load_channel_capabilities(*tree));
  for (const char* name : {"One", "Two"}) {
    const auto profile = tool::load_profile(*tree, name);
    // Certificates of consenters would be read from wherever the input says.
    if (!good(profile) ||
        (profile->orderer && !(profile->orderer->consenters.empty() && profile->orderer->bft.consenters.empty()))) {
      continue;
    }
    if (const auto group = tool::make_channel_group(*profile); good(group)) expect_readable(*group);
  }
}

void read_crypto_config(BytesView text) {
  auto config = tools::cryptogen::parse_crypto_config(Bytes(text), "crypto-config.yaml");
  if (!good(config)) return;
  for (auto* organizations : {&config->orderers, &config->peers}) {
    for (auto& organization : *organizations) {
      if (organization.node_template.count > 100) continue;  // as many as are asked for
      if (!tools::cryptogen::expand(organization, organizations == &config->peers ? "peer" : "orderer")) continue;
      expect(organization.nodes.size() >= static_cast<size_t>(std::max(organization.node_template.count, 0)));
      for (const auto& node : organization.nodes) expect(!node.common_name.empty() || node.hostname.empty());
    }
  }
}

void read_profile(BytesView text) {
  static const std::string file = fuzz::scratch("profile").string();
  std::ofstream(file, std::ios::binary) << text;
  for (const char* channel : {"ch", ""}) {
    if (const auto peers = tools::peer::peers_of_profile(file, channel, "peer0"); good(peers) && *channel == '\0') {
      expect(peers->size() == 1);
    }
  }
  std::remove(file.c_str());
}

void read_checkpoint(BytesView text) {
  test::FaultyDisk disk;
  expect(disk.write_atomically("checkpoint", text).has_value());
  auto checkpointer = client::FileCheckpointer::open(disk, "checkpoint");
  if (!good(checkpointer) || !(*checkpointer)->position().set) return;
  const client::Checkpoint at = (*checkpointer)->position();
  expect((*checkpointer)->note_transaction(at.block, at.transaction_id).has_value());
  const auto again = client::FileCheckpointer::open(disk, "checkpoint");
  expect(again && (*again)->position().block == at.block && (*again)->position().transaction_id == at.transaction_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  if (size == 0) return 0;
  const BytesView text = fuzz::view_of(bytes + 1, size - 1);
  switch (bytes[0] % 6) {
    case 0:
      read_configtx(text);
      break;
    case 1:
      read_crypto_config(text);
      break;
    case 2:
      if (const auto collections = tools::peer::parse_collections(Bytes(text)); good(collections))
        expect_readable(*collections);
      break;
    case 3:
      read_profile(text);
      break;
    case 4:
      read_checkpoint(text);
      break;
    default: {
      const size_t line = std::min(text.find('\n'), text.size());
      (void)lifecycle::check_metadata_file(text.substr(0, line), text.substr(std::min(line + 1, text.size())))
          .has_value();
    }
  }
  return 0;
}
