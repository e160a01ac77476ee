// Connections to other consenters: one for each endpoint and server certificate, made when it is needed, and another one once
// our own certificate was replaced, since the others know us by it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "order/cluster/members.h"
#include "rpc/channel.h"
#include "tls/credentials.h"

namespace selvage::order::cluster {

// One thread at a time. Nothing here closes a connection: that waits for the loop, and is the owner's to do without a lock.
class Connections {
 public:
  using Channels = std::vector<std::shared_ptr<rpc::Channel>>;
  // `dial` makes a connection that shows what `credentials` has at that moment.
  Connections(std::shared_ptr<tls::CredentialStore> credentials, std::function<std::shared_ptr<rpc::Channel>(const Member&)> dial)
      : credentials_(std::move(credentials)), dial_(std::move(dial)) {}

  // Of the certificate that new connections show.
  [[nodiscard]] uint64_t version() const;
  // Nodes with equal keys share a connection.
  [[nodiscard]] static Bytes key_of(const Member& member) { return member.endpoint + "\n" + member.server.der(); }
  [[nodiscard]] std::shared_ptr<rpc::Channel> to(const Member& member);
  // Null when there is none.
  [[nodiscard]] std::shared_ptr<rpc::Channel> find(const Member& member) const;
  // Those that nobody needs: of keys that are not among `used`, and those with a replaced certificate that carry nothing.
  [[nodiscard]] Channels take_unused(const std::set<Bytes>& used, const std::function<bool(const rpc::Channel&)>& carries);
  [[nodiscard]] Channels take_all();
  [[nodiscard]] size_t size() const { return current_.size(); }

 private:
  struct Connection {
    std::shared_ptr<rpc::Channel> channel;
    uint64_t credentials = 0;  // version of the certificate that was shown when it was made
  };
  std::shared_ptr<tls::CredentialStore> credentials_;
  std::function<std::shared_ptr<rpc::Channel>(const Member&)> dial_;
  std::map<Bytes, Connection> current_;
  Channels retired_;  // with a certificate that was replaced since; what still flows on them is not cut off
};

}  // namespace selvage::order::cluster
