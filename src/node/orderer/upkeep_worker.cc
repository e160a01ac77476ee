#include "node/orderer/upkeep_worker.h"

#include <utility>

#include "base/log.h"
#include "tls/expiry.h"

namespace selvage::node {
namespace {

constexpr auto kPollEvery = std::chrono::seconds(5);

log::Logger& logger() {
  static log::Logger instance("certmonitor");
  return instance;
}

void say(const tls::ExpiryNote& note) { SELVAGE_LOG(logger(), note.level, "{}", note.text); }

}  // namespace

Upkeep::~Upkeep() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Upkeep::watch(std::shared_ptr<tls::CredentialStore> credentials) {
  if (credentials) watches_.emplace_back(std::move(credentials));
}

void Upkeep::track(const std::string& role, const crypto::Certificate& certificate, const std::string& file) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now());
  auto notes = tls::expiry_notes(role, certificate, file, now);
  for (const tls::ExpiryNote& note : notes.due) say(note);
  if (notes.again_at) due_.push_back({*notes.again_at, role});
}

void Upkeep::start() {
  thread_ = std::thread([this] { run(); });
}

void Upkeep::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kPollEvery, [&] { return stopping_; })) {
    const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now());
    for (tls::CredentialWatch& watch : watches_) {
      const auto changed = watch.poll(now);
      if (!changed) {
        LOG_WARN(logger(), "New TLS certificate not taken, the old one serves on: {}", to_string(changed.error()));
      } else if (*changed) {
        LOG_INFO(logger(), "TLS certificate was replaced; new connections use the new one");
      }
    }
    std::erase_if(due_, [&](const Due& due) {
      if (due.at > now) return false;
      say(tls::expiry_week_note(due.role));
      return true;
    });
  }
}

}  // namespace selvage::node
