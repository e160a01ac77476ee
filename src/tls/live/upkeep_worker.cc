#include "tls/live/upkeep_worker.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <set>

#include "tls/files_service.h"
#include "tls/live/pair_check.h"
#include "tls/live/start_notes.h"

namespace selvage::tls {
namespace {

constexpr auto kEndsLookedAtEvery = std::chrono::minutes(1);

// What tells one state of files from another. Nanoseconds and inode: a renewal may come within a second, by rename.
std::string stamp_of(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
      text += "gone;";
      continue;
    }
    text += fmt::format("{},{},{}.{};", status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return text;
}

std::string describe(const crypto::Certificate& leaf) {
  return fmt::format("{}, serial {}, until {}", escape(leaf.subject(), 160), leaf.serial_hex().substr(0, 40),
                     crypto::to_rfc3339(leaf.not_after()));
}

}  // namespace

Upkeep::Upkeep(Registry& registry, const Clock& clock, metrics::Provider& metrics, Settings settings)
    : registry_(registry), clock_(clock), settings_(std::move(settings)), logger_(settings_.logger), ends_(metrics) {}

Upkeep::~Upkeep() { stop(); }

void Upkeep::start() {
  {
    std::lock_guard lock(looking_);
    std::set<std::string> warned;
    for (const ExpiryNote& note : start_notes(registry_.pairs(), registry_.pools())) SELVAGE_LOG(logger_, note.level, "{}", note.text);
    for (const Pair& pair : registry_.pairs()) {
      auto current = pair.store->current();
      if (!current) continue;
      stamps_["pair " + pair.role] = stamp_of({current->files().certificate_path, current->files().key_path});
      struct stat status{};
      const std::string& key = current->files().key_path;
      if (!key.empty() && ::stat(key.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0 && warned.insert(key).second) {
        LOG_WARN(logger_, "The private key {} [{}] may be read by every user of this machine (mode {:04o}); chmod 600 {}", key,
                 current->files().key_origin.to_string(), static_cast<unsigned>(status.st_mode & 07777), key);
      }
    }
    for (const RootFiles& files : registry_.root_files()) {
      stamps_[fmt::format("roots {} {}", fmt::ptr(files.store.get()), files.source)] = stamp_of(files.paths);
    }
    note_ends();
  }
  thread_ = std::thread([this] { run(); });
}

void Upkeep::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Upkeep::run() {
  SteadyTime ends_looked_at = clock_.steady();
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_for(lock, settings_.every, [&] { return stopping_ || look_; });
    if (stopping_) return;
    const bool all = std::exchange(look_, false);
    lock.unlock();
    (void)look(all);
    if (clock_.steady() - ends_looked_at >= kEndsLookedAtEvery) {
      ends_looked_at = clock_.steady();
      std::lock_guard looking(looking_);
      note_ends();
    }
    lock.lock();
  }
}

std::vector<Reloaded> Upkeep::reload() { return look(true); }

void Upkeep::look_soon() {
  std::lock_guard lock(mutex_);
  look_ = true;
  wake_.notify_all();
}

std::vector<Reloaded> Upkeep::look(bool all) {
  std::vector<Reloaded> out;
  std::lock_guard lock(looking_);
  // Roots first: a pair from a new CA may come together with that CA.
  for (const RootFiles& files : registry_.root_files()) look_at_roots(files, all, out);
  for (const Pair& pair : registry_.pairs()) look_at_pair(pair, all, out);
  bool taken = false;
  for (const Reloaded& one : out) {
    if (one.outcome == Reloaded::Outcome::kTaken) {
      LOG_INFO(logger_, "New {} in force for new connections: {}", one.what, one.reason);
      taken = true;
    } else if (one.outcome == Reloaded::Outcome::kRefused) {
      LOG_WARN(logger_, "Changed on disk but not taken, what is in force stays: {}: {}", one.what, one.reason);
    }
  }
  if (taken) note_ends();
  if (taken && changed_) changed_();
  return out;
}

void Upkeep::look_at_pair(const Pair& pair, bool all, std::vector<Reloaded>& out) {
  auto current = pair.store->current();
  if (!current || current->files().certificate_path.empty()) return;
  const CredentialFiles& files = current->files();
  std::string& stamp = stamps_["pair " + pair.role];
  std::string seen = stamp_of({files.certificate_path, files.key_path});
  const bool changed = seen != stamp;
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now());
  const auto waiting = valid_from_.find(pair.role);
  const bool ripe = waiting != valid_from_.end() && now >= waiting->second;
  if (!changed && !all && !ripe) return;
  if (waiting != valid_from_.end()) valid_from_.erase(waiting);
  Reloaded result{pair.role + " certificate " + files.certificate_path, Reloaded::Outcome::kUnchanged, ""};
  auto next = load_credentials(files);
  Status good = next ? Status() : fail(next.error());
  if (next && !((*next)->chain() == current->chain())) {
    good = check_new_pair(pair, *current, **next, now);
    if (!good && (*next)->leaf().not_before() > now) valid_from_[pair.role] = (*next)->leaf().not_before();
    if (good) {
      result.outcome = Reloaded::Outcome::kTaken;
      result.reason = describe((*next)->leaf());
      pair.store->replace(std::move(*next));
    }
  }
  // Certificate and key are two files: a mismatch may be half of a change, so it is told only when it stays.
  const bool half = !good && changed && !all && good.error().message.find("does not match") != std::string::npos &&
                    stamps_["half " + pair.role] != seen;
  if (half) {
    stamps_["half " + pair.role] = seen;
    return;
  }
  if (!good) {
    result.outcome = Reloaded::Outcome::kRefused;
    result.reason = to_string(good.error());
  }
  stamp = seen;
  out.push_back(std::move(result));
}

void Upkeep::look_at_roots(const RootFiles& files, bool all, std::vector<Reloaded>& out) {
  std::string& stamp = stamps_[fmt::format("roots {} {}", fmt::ptr(files.store.get()), files.source)];
  std::string seen = stamp_of(files.paths);
  if (seen == stamp && !all) return;
  stamp = seen;
  std::string names;
  for (const std::string& path : files.paths) names += (names.empty() ? "" : ", ") + path;
  Reloaded result{"roots " + names, Reloaded::Outcome::kUnchanged, ""};
  auto roots = files.load();
  if (!roots) {
    result.outcome = Reloaded::Outcome::kRefused;
    result.reason = to_string(roots.error());
  } else {
    uint64_t before = files.store->current()->version();
    size_t count = roots->size();
    files.store->set_source(files.source, std::move(*roots));
    if (files.store->current()->version() != before) {
      result.outcome = Reloaded::Outcome::kTaken;
      result.reason = fmt::format("{} certificate{}", count, count == 1 ? "" : "s");
    }
  }
  out.push_back(std::move(result));
}

void Upkeep::note_ends() {
  auto certificates = expiring_of(registry_);
  if (more_) {
    for (Expiring& one : more_()) certificates.push_back(std::move(one));
  }
  for (const ExpiryNote& note : ends_.look(certificates, std::chrono::floor<std::chrono::seconds>(clock_.now()))) {
    SELVAGE_LOG(logger_, note.level, "{}", note.text);
  }
}

}  // namespace selvage::tls
