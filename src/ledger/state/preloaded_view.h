// A view of the state that has what a block will ask for in memory: versions and metadata of the keys that its transactions
// read and write, found by one look-up for all of them instead of one or two for each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ledger/state/state_view.h"

namespace selvage::ledger {

// One thread. Everything but the heads of those keys is asked of the view beneath.
class PreloadedView final : public StateView {
 public:
  using Keys = std::map<std::string, std::vector<std::string_view>, std::less<>>;  // by namespace; may repeat
  // `view` outlives it; what `keys` point at too.
  [[nodiscard]] static Result<std::unique_ptr<PreloadedView>> make(const StateView& view, Keys keys);

  [[nodiscard]] Result<std::optional<StateHead>> head(std::string_view ns, std::string_view key) const override;
  [[nodiscard]] Result<std::optional<StateValue>> get(std::string_view ns, std::string_view key) const override {
    return view_.get(ns, key);
  }
  [[nodiscard]] Result<std::vector<std::optional<StateValue>>> get_many(std::string_view ns,
                                                                        const std::vector<std::string>& keys) const override {
    return view_.get_many(ns, keys);
  }
  [[nodiscard]] Result<std::unique_ptr<StateRange>> range(std::string_view ns, std::string_view start,
                                                          std::string_view end) const override {
    return view_.range(ns, start, end);
  }
  [[nodiscard]] uint64_t height() const override { return view_.height(); }

 private:
  using Heads = std::unordered_map<std::string_view, std::optional<StateHead>>;
  explicit PreloadedView(const StateView& view) : view_(view) {}

  const StateView& view_;
  std::map<std::string, Heads, std::less<>> heads_;  // by namespace
};

}  // namespace selvage::ledger
