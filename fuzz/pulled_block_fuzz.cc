// Blocks as a peer or an orderer takes them from an orderer that may be anybody, one after the other: whole, and
// without their data as attestations. The first byte: whether the ordering service is BFT. Then parts, each a byte of
// what is made right and a common.Block. Nobody passes off a header that the ordering service has not signed, and what
// was refused has moved nothing.
#include <map>

#include "common/common.pb.h"
#include "deliver/pull/block_verifier.h"
#include "deliver/pull/censorship.h"
#include "input.h"
#include "kit/channels.h"
#include "kit/consenters.h"
#include "wire/block.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
using fuzz::expect;

enum Right : uint8_t {
  kNumber = 1,
  kPrevious = 2,
  kDataHash = 4,
  kSignOne = 8,
  kSignTwo = 16,
  kKeepMetadata = 32,
  kForm = 64
};

struct Service {
  explicit Service(bool bft) : is_bft(bft) {
    if (bft) consenters = std::make_unique<test::Consenters>(channel);
    bundle = channel.bundle();
    genesis = channel.genesis_block();
  }
  // How many signed.
  int sign(::common::Block& block, uint8_t right) {
    const int count = ((right & kSignOne) != 0 ? 1 : 0) + ((right & kSignTwo) != 0 ? 1 : 0);
    if (count == 0) return 0;
    if (is_bft) {
      consenters->sign(block, count == 1 ? std::vector<uint32_t>{2} : std::vector<uint32_t>{1, 3});
      return count;
    }
    channel.sign(block);
    return 2;
  }

  const bool is_bft;
  test::Channel channel{{.id = "ch1"}};  // that of the genesis block in the corpus
  std::unique_ptr<test::Consenters> consenters;
  channel::BundlePtr bundle;
  ::common::Block genesis;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static Service& raft = *new Service(false);
  static Service& bft = *new Service(true);
  if (size == 0) return 0;
  Service& service = (bytes[0] & 1) != 0 ? bft : raft;
  deliver::BlockVerifier verifier(service.bundle, 1, wire::header_hash(service.genesis.header()));
  deliver::CensorshipDetector detector(std::chrono::milliseconds(100), 1);
  Bytes last_hash = wire::header_hash(service.genesis.header());
  std::map<Bytes, int> signers;  // by header
  BytesView rest = fuzz::view_of(bytes + 1, size - 1), part;
  while (fuzz::take_part(rest, part) && !part.empty()) {
    const auto right = static_cast<uint8_t>(part[0]);
    ::common::Block block;
    if (!wire::parse_into(part.substr(1), block)) continue;
    if ((right & kForm) != 0) {
      for (auto& data : *block.mutable_data()->mutable_data()) {
        ::common::Envelope envelope;
        envelope.set_payload(data);
        envelope.set_signature("signature");
        data = wire::marshal(envelope);
      }
    }
    if ((right & kNumber) != 0) block.mutable_header()->set_number(verifier.next_number());
    if ((right & kPrevious) != 0) block.mutable_header()->set_previous_hash(last_hash);
    if ((right & kDataHash) != 0) block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
    const ::common::BlockMetadata given = block.metadata();
    int& signed_by = signers[wire::header_bytes(block.header())];
    signed_by = std::max(signed_by, service.sign(block, right));
    if ((right & kKeepMetadata) != 0 && given.metadata_size() > ::common::SIGNATURES) {
      // One message after the other is both of them merged.
      block.mutable_metadata()->mutable_metadata(::common::SIGNATURES)->append(given.metadata(::common::SIGNATURES));
    }

    const channel::BundlePtr before = verifier.bundle();
    const uint64_t number = verifier.next_number();
    deliver::BlockVerifier whole = verifier, attestation = verifier;
    const Status accepted = whole.accept(block), attested = attestation.accept_attestation(block);
    expect(!accepted || attested);  // the same of less
    for (const auto& [status, next] : {std::pair(&accepted, &whole), std::pair(&attested, &attestation)}) {
      expect(next->next_number() == number + (status->has_value() ? 1 : 0));
      expect(status->has_value() || (next->bundle() == before && !status->error().message.empty()));
    }
    expect(attestation.bundle() == before);
    if (attested) {
      expect(block.header().number() == number && block.header().previous_hash() == last_hash);
      expect(before != service.bundle || signed_by >= (service.is_bft ? 2 : 1));
      detector.attested("another", number, SteadyTime());
      expect(detector.deadline().has_value());
    }
    if (accepted) {
      expect(block.header().data_hash() == wire::data_hash(block.data()));
      expect(whole.bundle() == before || whole.bundle()->channel_id() == before->channel_id());
      last_hash = wire::header_hash(block.header());
      detector.reached(number + 1);
      expect(!detector.deadline());
    }
    verifier = whole;
    // What orderers ask of a block that they pulled.
    (void)wire::last_config_index(block).has_value();
    (void)wire::consenter_metadata(block).has_value();
  }
  return 0;
}
