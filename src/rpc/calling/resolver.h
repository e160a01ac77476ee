// Host names to addresses, off the loop.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "os/event_loop.h"

namespace selvage::rpc {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string host;  // as in the target: what the server's certificate must name
  std::string text;  // "127.0.0.1:7051", of the address itself
};

struct Resolved {
  std::vector<Address> addresses;  // in the order of the targets
  std::string error;               // Go's words, of the last target that gave none; empty: all did
};

// "host:port" -> both; false when there is no port. "[::1]:7051" loses its brackets.
bool split_host_port(const std::string& target, std::string* host, std::string* port);

// One resolution. `done` runs on `loop`, within resolve() when no name has to be looked up, and never after the object is
// gone or abandon().
class Resolution {
 public:
  Resolution(os::EventLoop& loop, std::vector<std::string> targets, std::function<void(Resolved)> done);
  ~Resolution() { abandon(); }
  void start();
  void abandon();

 private:
  struct Shared {
    std::mutex mutex;
    os::EventLoop* loop;  // null: nobody waits
    std::function<void(Resolved)> done;
  };
  std::vector<std::string> targets_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace selvage::rpc
