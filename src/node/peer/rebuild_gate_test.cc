#include "node/peer/rebuild_gate.h"

#include <gtest/gtest.h>

#include "kit/local_peer.h"
#include "ledger/old_heights.h"

namespace selvage::node {
namespace {

// A peer's channel "testchannel" at height 1, and a second one that is only told of.
class Rebuilding : public testing::Test {
 protected:
  Rebuilding() : root(peer.directory() + "/ledgersData") {}
  void note(uint64_t height) {
    ASSERT_TRUE(ledger::note_old_height(os::posix_disk(), root + "/chains/chains/testchannel", height));
  }
  std::unique_ptr<RebuildGate> make() {
    const std::shared_ptr<ledger::Ledger> borrowed(&peer.ledger(), [](ledger::Ledger*) {});
    auto gate = RebuildGate::make(os::posix_disk(), root, {borrowed});
    EXPECT_TRUE(gate) << to_string(gate.error());
    return gate ? std::move(*gate) : nullptr;
  }

  test::LocalPeer peer;
  const std::string root;
};

TEST_F(Rebuilding, NothingIsKeptBackWhereNoBlockWasTakenAway) { EXPECT_TRUE(make()->check()); }

TEST_F(Rebuilding, EndorsementsAreRefusedUntilTheOldHeightIsReached) {
  note(4);
  note(3);  // a second rollback
  const auto gate = make();
  const auto refused = gate->check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "endorse requests are blocked while ledgers are being rebuilt");
  EXPECT_EQ(refused.error().code, Code::kUnknown);
  gate->committed("testchannel", 3);
  gate->committed("another", 9);
  EXPECT_FALSE(gate->check());
  EXPECT_FALSE(make()->check()) << "a peer that was restarted meanwhile";
  gate->committed("testchannel", 4);
  EXPECT_TRUE(gate->check());
  EXPECT_TRUE(make()->check()) << "forgotten for good";
}

TEST_F(Rebuilding, AChannelThatIsBackAlreadyKeepsNothingBack) {
  note(1);
  EXPECT_TRUE(make()->check());
  EXPECT_TRUE(ledger::load_old_heights(os::posix_disk(), root, {"testchannel"})->empty());
}

TEST_F(Rebuilding, AFileThatHoldsNoNumberIsToldWithARemedy) {
  ASSERT_TRUE(os::posix_disk().write_atomically(root + "/chains/chains/testchannel/__preResetHeight", "4x"));
  const auto heights = ledger::load_old_heights(os::posix_disk(), root, {"testchannel"});
  ASSERT_FALSE(heights);
  EXPECT_NE(heights.error().hint.find("remove the file"), std::string::npos);
}

}  // namespace
}  // namespace selvage::node
