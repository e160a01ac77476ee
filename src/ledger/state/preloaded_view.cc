#include "ledger/state/preloaded_view.h"

#include <algorithm>

namespace selvage::ledger {

Result<std::unique_ptr<PreloadedView>> PreloadedView::make(const StateView& view, Keys keys) {
  std::unique_ptr<PreloadedView> made(new PreloadedView(view));
  for (auto& [ns, of_ns] : keys) {
    std::sort(of_ns.begin(), of_ns.end());
    of_ns.erase(std::unique(of_ns.begin(), of_ns.end()), of_ns.end());
    SELVAGE_TRY(auto found, view.heads(ns, of_ns));
    Heads& heads = made->heads_[ns];
    heads.reserve(of_ns.size());
    for (size_t i = 0; i < of_ns.size(); ++i) heads.emplace(of_ns[i], std::move(found[i]));
  }
  return made;
}

Result<std::optional<StateHead>> PreloadedView::head(std::string_view ns, std::string_view key) const {
  if (const auto of_ns = heads_.find(ns); of_ns != heads_.end()) {
    if (const auto found = of_ns->second.find(key); found != of_ns->second.end()) return found->second;
  }
  return view_.head(ns, key);
}

}  // namespace selvage::ledger
