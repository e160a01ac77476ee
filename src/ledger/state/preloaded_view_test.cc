#include "ledger/state/preloaded_view.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/rocks_database.h"
#include "ledger/state/state_store.h"
#include "ledger/state/update_batch.h"

namespace selvage::ledger {
namespace {

// A state of two hundred keys on disk, more than are read at once.
class Preloaded : public testing::Test {
 protected:
  Preloaded() {
    std::string name = (std::filesystem::temp_directory_path() / "selvage-preloaded-XXXXXX").string();
    root = ::mkdtemp(name.data());
    database = std::move(*Database::open({root}));
    UpdateBatch updates;
    for (uint64_t i = 0; i < 200; ++i) {
      updates.public_updates["cc"]["key" + std::to_string(i)] = Update{Bytes("value"), i % 3 == 0 ? "meta" : "", {7, i}};
    }
    updates.public_updates["other"]["key1"] = Update{Bytes("value"), "", {8, 0}};
    WriteBatch batch;
    add_state_updates("ch", updates, batch);
    EXPECT_TRUE(database->write(batch, false));
    view = make_rocks_state_view(*database, "ch", 9);
  }
  ~Preloaded() override {
    view.reset();
    database.reset();
    std::filesystem::remove_all(root);
  }
  static std::string text(const Result<std::optional<StateHead>>& head) {
    if (!head) return to_string(head.error());
    if (!*head) return "none";
    return std::to_string((*head)->version.block) + "." + std::to_string((*head)->version.transaction) + (*head)->metadata;
  }

  std::string root;
  std::unique_ptr<Database> database;
  std::unique_ptr<StateView> view;
};

TEST_F(Preloaded, HasTheHeadsThatTheViewHas) {
  std::vector<std::string> names;
  for (int i = 0; i < 200; i += 2) names.push_back("key" + std::to_string(i));
  names.insert(names.end(), {"none", "key0", ""});
  PreloadedView::Keys keys;
  for (const auto& name : names) keys["cc"].push_back(name);
  keys["other"] = {"key1"};
  keys["empty"] = {};
  const auto preloaded = PreloadedView::make(*view, keys);
  ASSERT_TRUE(preloaded) << to_string(preloaded.error());
  EXPECT_EQ(text((*preloaded)->head("cc", "key6")), "7.6meta");
  for (int i = 0; i < 201; ++i) {
    const std::string key = "key" + std::to_string(i);
    EXPECT_EQ(text((*preloaded)->head("cc", key)), text(view->head("cc", key))) << "preloaded or not: " << key;
  }
  EXPECT_EQ(text((*preloaded)->head("cc", "none")), "none");
  EXPECT_EQ(text((*preloaded)->head("other", "key1")), "8.0");
  EXPECT_EQ(text((*preloaded)->head("other", "key2")), "none");
  EXPECT_EQ(text((*preloaded)->head("unknown", "key1")), "none");
  EXPECT_EQ((*(*preloaded)->get("cc", "key1"))->value, "value");
  EXPECT_EQ((*preloaded)->height(), 9u);
}

TEST_F(Preloaded, AsksForWhatItHasOnlyOnce) {
  class Counting final : public StateView {
   public:
    explicit Counting(const StateView& below) : below_(below) {}
    Result<std::optional<StateValue>> get(std::string_view ns, std::string_view key) const override {
      ++asked;
      return below_.get(ns, key);
    }
    Result<std::vector<std::optional<StateValue>>> get_many(std::string_view ns, const std::vector<std::string>& k) const override {
      return below_.get_many(ns, k);
    }
    Result<std::unique_ptr<StateRange>> range(std::string_view ns, std::string_view a, std::string_view b) const override {
      return below_.range(ns, a, b);
    }
    uint64_t height() const override { return below_.height(); }
    mutable int asked = 0;

   private:
    const StateView& below_;
  };
  const Counting counting(*view);
  PreloadedView::Keys keys;
  keys["cc"] = {"key1", "key2", "key1"};
  const auto preloaded = PreloadedView::make(counting, keys);
  EXPECT_EQ(counting.asked, 2);
  EXPECT_EQ(text((*preloaded)->head("cc", "key1")), "7.1");
  EXPECT_EQ(text((*preloaded)->head("cc", "key2")), "7.2");
  EXPECT_EQ(counting.asked, 2);
}

}  // namespace
}  // namespace selvage::ledger
