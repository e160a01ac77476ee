// Keeps a Registry fresh: looks at the files of all pairs and roots every few seconds and when asked (SIGHUP, PUT
// /tls/reload), checks what is new, swaps it in for new handshakes, and warns of ends.
//
// A new pair that would be worse than the old one is refused with the reason, once for each change of its files; one that is
// not valid yet is looked at again when it is (a CA's clock is often a little ahead).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "tls/live/expiry_watch.h"
#include "tls/live/registry.h"

namespace selvage::tls {

struct Reloaded {
  std::string what;    // "server TLS certificate peer.tls.cert.file: /x/server.crt", "roots of PeerServer: /x/ca.crt"
  enum class Outcome { kUnchanged, kTaken, kRefused } outcome = Outcome::kUnchanged;
  std::string reason;  // kRefused: in one line; kTaken: what it is now ("CN=..., serial ..., until ...")
};

class Upkeep {
 public:
  struct Settings {
    std::chrono::milliseconds every = std::chrono::seconds(2);
    std::string logger = "certmonitor";
  };
  // All outlive it.
  Upkeep(Registry& registry, const Clock& clock, metrics::Provider& metrics, Settings settings);
  ~Upkeep();  // stop()

  // Further certificates to watch the ends of: those of connected peers. Before start().
  void also_watch(std::function<std::vector<Expiring>()> source) { more_ = std::move(source); }
  // Called, on the thread that found it, after anything of ours changed: a pair or a pool's files. Before start().
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }
  void start();
  void stop();
  // Looks at all files now, changed or not. Any thread.
  std::vector<Reloaded> reload();
  // The same soon, on the thread: what a pair is held against changed (a configuration came). Any thread, never blocks.
  void look_soon();

 private:
  void run();
  std::vector<Reloaded> look(bool all);
  void look_at_pair(const Pair& pair, bool all, std::vector<Reloaded>& out);
  void look_at_roots(const RootFiles& files, bool all, std::vector<Reloaded>& out);
  void note_ends();

  Registry& registry_;
  const Clock& clock_;
  const Settings settings_;
  const log::Logger logger_;
  std::function<std::vector<Expiring>()> more_;
  std::function<void()> changed_;
  std::mutex looking_;                       // one look at a time
  std::map<std::string, std::string> stamps_;  // of files, by what they are for; under looking_
  // Pairs on disk that are not valid yet, by role, and from when on they are; under looking_.
  std::map<std::string, std::chrono::sys_seconds> valid_from_;
  ExpiryWatch ends_;                         // under looking_
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool look_ = false;  // look_soon() was here
  std::thread thread_;
};

}  // namespace selvage::tls
