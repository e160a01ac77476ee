#include "rpc/calling/resolver.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <thread>

namespace selvage::rpc {
namespace {

std::string text_of(const addrinfo& info, const std::string& port) {
  char buffer[INET6_ADDRSTRLEN] = "";
  if (info.ai_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(info.ai_addr)->sin_addr, buffer, sizeof buffer);
    return fmt::format("{}:{}", buffer, port);
  }
  ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(info.ai_addr)->sin6_addr, buffer, sizeof buffer);
  return fmt::format("[{}]:{}", buffer, port);
}

// False when the name would have to be looked up and `numeric_only` is set.
bool resolve_one(const std::string& target, bool numeric_only, Resolved* out) {
  std::string host, port;
  if (!split_host_port(target, &host, &port)) {
    out->error = fmt::format("dial tcp: address {}: missing port in address", target);
    return true;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : AI_ADDRCONFIG);
  addrinfo* found = nullptr;
  int result = ::getaddrinfo(host.empty() ? "127.0.0.1" : host.c_str(), port.c_str(), &hints, &found);
  if (result != 0 && !numeric_only && host == "localhost") {  // AI_ADDRCONFIG does not count loopback addresses
    hints.ai_flags = AI_NUMERICSERV;
    result = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    // A minimal system may have no /etc/hosts; the name is loopback's by RFC 6761.
    if (result != 0) result = ::getaddrinfo("127.0.0.1", port.c_str(), &hints, &found);
  }
  if (result == EAI_NONAME && numeric_only) return false;
  if (result != 0) {
    out->error = result == EAI_NONAME ? fmt::format("dial tcp: lookup {}: no such host", host)
                                      : fmt::format("dial tcp: lookup {}: {}", host, ::gai_strerror(result));
    return true;
  }
  std::vector<Address> addresses;
  for (const addrinfo* info = found; info; info = info->ai_next) {
    Address address;
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
    address.host = host;
    address.text = text_of(*info, port);
    addresses.push_back(std::move(address));
  }
  ::freeaddrinfo(found);
  // IPv4 first, as nodes that listen on 127.0.0.1 or 0.0.0.0 only are the rule in Fabric's networks.
  std::stable_sort(addresses.begin(), addresses.end(), [](const Address& a, const Address& b) {
    return a.storage.ss_family == AF_INET && b.storage.ss_family != AF_INET;
  });
  for (Address& address : addresses) out->addresses.push_back(std::move(address));
  return true;
}

}  // namespace

bool split_host_port(const std::string& target, std::string* host, std::string* port) {
  size_t colon = target.rfind(':');
  if (colon == std::string::npos || colon + 1 == target.size()) return false;
  *host = target.substr(0, colon);
  *port = target.substr(colon + 1);
  if (host->size() > 1 && host->front() == '[' && host->back() == ']') *host = host->substr(1, host->size() - 2);
  return true;
}

Resolution::Resolution(os::EventLoop& loop, std::vector<std::string> targets, std::function<void(Resolved)> done)
    : targets_(std::move(targets)), shared_(std::make_shared<Shared>()) {
  shared_->loop = &loop;
  shared_->done = std::move(done);
}

void Resolution::start() {
  Resolved now;
  bool all = true;
  for (const std::string& target : targets_) all = all && resolve_one(target, true, &now);
  if (all) {
    auto done = std::move(shared_->done);
    return done(std::move(now));
  }
  std::thread([shared = shared_, targets = targets_] {
    auto resolved = std::make_shared<Resolved>();
    for (const std::string& target : targets) resolve_one(target, false, resolved.get());
    std::lock_guard lock(shared->mutex);
    if (!shared->loop) return;
    shared->loop->post([shared, resolved] {
      std::function<void(Resolved)> done;
      {
        std::lock_guard again(shared->mutex);
        if (shared->loop) done = std::move(shared->done);
      }
      if (done) done(std::move(*resolved));
    });
  }).detach();
}

void Resolution::abandon() {
  std::lock_guard lock(shared_->mutex);
  shared_->loop = nullptr;
}

}  // namespace selvage::rpc
