#include "node/peer/rebuild_gate.h"

#include "base/log.h"
#include "ledger/old_heights.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}

std::vector<std::string> names_of(const std::map<std::string, uint64_t>& heights) {
  std::vector<std::string> names;
  for (const auto& [channel, height] : heights) names.push_back(channel);
  return names;
}

}  // namespace

RebuildGate::RebuildGate(Disk& disk, std::string root, std::map<std::string, uint64_t> heights)
    : disk_(disk), root_(std::move(root)), channels_(names_of(heights)), closed_(!heights.empty()),
      missing_(std::move(heights)) {}

Result<std::unique_ptr<RebuildGate>> RebuildGate::make(Disk& disk, const std::string& root,
                                                       const std::vector<std::shared_ptr<ledger::Ledger>>& ledgers) {
  std::vector<std::string> channels;
  for (const auto& ledger : ledgers) channels.push_back(ledger->channel());
  SELVAGE_TRY(auto heights, ledger::load_old_heights(disk, root, channels));
  for (const auto& [channel, height] : heights) {
    LOG_INFO(logger(), "Ledger rebuild: channel [{}]: preresetHeight: [{}]", channel, height);
  }
  if (!heights.empty()) {
    LOG_INFO(logger(), "Ledger rebuild: Entering loop to check if current ledger heights surpass prereset ledger heights. "
                       "Endorsement request processing will be disabled.");
  }
  std::unique_ptr<RebuildGate> gate(new RebuildGate(disk, root, std::move(heights)));
  for (const auto& ledger : ledgers) gate->committed(ledger->channel(), ledger->height());
  return gate;
}

void RebuildGate::committed(const std::string& channel, uint64_t height) {
  if (!closed_) return;
  std::lock_guard lock(mutex_);
  const auto found = missing_.find(channel);
  if (found == missing_.end() || height < found->second) return;
  missing_.erase(found);
  if (!missing_.empty()) return;
  LOG_INFO(logger(), "Ledger rebuild: Complete, all ledgers surpass prereset heights. Endorsement request processing will be "
                     "enabled.");
  if (auto done = ledger::forget_old_heights(disk_, root_, channels_); !done) {
    LOG_WARN(logger(), "Ledger rebuild: could not clear off prerest files: error={}", to_string(done.error()));
  }
  closed_ = false;
}

Status RebuildGate::check() const {
  if (!closed_) return {};
  return fail(Code::kUnknown, "endorse requests are blocked while ledgers are being rebuilt");
}

}  // namespace selvage::node
