// The connections to other peers, by PKI-id: accepted and dialled, authenticated by their handshakes, and the messages that
// wait for them.
//
// Gossip's thread only, but for what comes on loops and is posted to that thread.
// Fabric quirk: gossip/comm/conn.go. Fabric keeps the newest of two connections to one peer and so may lose both when two
// peers dial each other at once; here two may live, and the peer with the lower PKI-id closes the older one later.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "gossip/comm/gossip_client.h"
#include "gossip/comm/stream_worker.h"
#include "gossip/core.h"
#include "gossip/outbox.h"

namespace selvage::gossip {

struct TransportSettings {
  bool tls = true;
  DialSettings dial;
  // SHA-256 of our certificate, as client and as server, now.
  std::function<Bytes()> client_hash;
  std::function<Bytes()> server_hash;
};

class Transport final {
 public:
  // What it needs of its owner; called on gossip's thread, but for post().
  class Home {
   public:
    virtual ~Home() = default;
    virtual bool post(std::function<void()> task) = 0;  // any thread; false: stopping
    [[nodiscard]] virtual Now now() const = 0;
    virtual Result<Greeting> greet(const SignedMessage& message, const TlsFacts& tls, const std::string& address) = 0;
    virtual void received(const SenderPtr& from, const MessagePtr& message) = 0;
    virtual void dialled(const std::string& endpoint, Result<SenderPtr> outcome) = 0;
    virtual void unreachable(const Bytes& pki_id) = 0;
    virtual void replaced(const Bytes& old_pki_id) = 0;
    [[nodiscard]] virtual std::string org_of(const Bytes& pki_id) = 0;
  };

  Transport(const Settings& settings, TransportSettings own, const PeerCrypto& crypto, Metrics& metrics, Home& home);

  void send(const Target& to, const MessagePtr& message);
  void connect(const std::string& endpoint);  // Home::dialled() says how it went
  void close_peer(const Bytes& pki_id);
  void tick(Now now);
  [[nodiscard]] SteadyTime next_due() const;
  // Nothing comes from streams after it.
  void close_all();
  [[nodiscard]] std::shared_ptr<StreamEvents> events() const;
  [[nodiscard]] size_t connection_count() const { return peers_.size(); }

  // On a loop: a stream that another peer opened. False when there are too many that have not said who they are.
  bool opened(const StreamPtr& stream);

 private:
  // What streams hold on to, beyond this transport's life if need be.
  class Relay final : public StreamEvents {
   public:
    explicit Relay(Transport& to) : to_(&to) {}
    void cut();
    void came(const StreamPtr& stream, Bytes envelope) override;
    void ended(const StreamPtr& stream, const rpc::Status& why) override;

   private:
    std::mutex mutex_;
    Transport* to_;
  };
  struct Dialling {
    StreamPtr stream;
    Target target;
    bool is_contact = false;
    std::deque<MessagePtr> waiting;
  };
  void start_dial(const std::string& key, const Target& to);
  void take(const StreamPtr& stream, const Bytes& envelope);
  void shake_hands(const StreamPtr& stream, const MessagePtr& message);
  void establish(const StreamPtr& stream, SenderPtr sender);
  void dial_failed(const std::string& key, const Error& error);
  void remove(const StreamPtr& stream, const rpc::Status& why);
  void close(const StreamPtr& stream, rpc::Status status);
  void refuse(const StreamPtr& stream, const Error& error);
  void write(Stream& stream, const MessagePtr& message);
  [[nodiscard]] std::map<std::string, Dialling>::iterator find_dial(const StreamPtr& stream);
  [[nodiscard]] Result<Bytes> greeting(bool incoming);

  const Settings& settings_;
  const TransportSettings own_;
  const PeerCrypto& crypto_;
  Metrics& metrics_;
  Home& home_;
  const Bytes own_pki_id_;
  const std::shared_ptr<Relay> relay_;
  std::map<Bytes, std::vector<StreamPtr>> peers_;  // oldest first
  std::map<std::string, Dialling> dials_;          // by PKI-id, or "@endpoint"
  std::set<StreamPtr> strangers_;                  // accepted, not yet authenticated
  std::map<std::string, SteadyTime> failed_;       // not dialled again at once
  std::map<Bytes, Bytes> greetings_;               // by TLS hash: our signed handshakes
  SteadyTime refusals_told_;
  std::atomic<size_t> stranger_count_ = 0;
};

}  // namespace selvage::gossip
