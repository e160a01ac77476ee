// The life of a channel: resolve, dial, shake hands, serve calls, wait after a failure. Lives on one loop; only what is
// marked may be asked from other threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "os/event_loop.h"
#include "rpc/calling/client_connection.h"
#include "rpc/calling/outgoing_call.h"
#include "rpc/calling/resolver.h"
#include "rpc/channel.h"

namespace selvage::rpc {

struct Channel::State final : OutgoingCall::Home, ClientConnection::Owner, std::enable_shared_from_this<Channel::State> {
  explicit State(ChannelSettings s);
  ~State() override;

  // Any thread.
  std::shared_ptr<OutgoingHandle> launch(const std::string& method, const CallOptions& options,
                                         std::unique_ptr<ClientHandler> handler, std::optional<Bytes> request);
  selvage::Status wait_ready(std::chrono::milliseconds timeout);
  void close();

  // The loop.
  void place(const std::shared_ptr<OutgoingCall>& call);
  void connect();

  void send_again(const std::shared_ptr<OutgoingCall>& call) override;
  void call_over(OutgoingCall& call) override;
  std::string why_waiting() const override;
  void on_up(ClientConnection& connection) override;
  void on_goaway(ClientConnection& connection, bool too_many_pings) override;
  void on_down(ClientConnection& connection, const std::string& why) override;
  void on_call_gone(ClientConnection& connection) override;

  ChannelSettings settings;
  std::shared_ptr<os::LoopGroup> group;
  os::EventLoop& loop;

  mutable std::mutex mutex;  // guards these, which other threads read
  std::condition_variable changed;
  ChannelState state = ChannelState::kIdle;
  std::optional<ConnectFailure> failure;
  std::shared_ptr<const Peer> peer;
  size_t attempts_failed = 0;  // rounds over all addresses
  size_t waiters = 0;
  std::shared_ptr<tls::ClientContext> tls;
  bool closed = false;

 private:
  void set_state(ChannelState next);
  void resolved(Resolved answer);
  void next_address();
  void connected(int fd, const Address& address);
  void address_failed(ConnectFailure failure);
  void round_failed();
  // Until the next try; `refused_material` (may be empty): what was refused, whose change is worth a try at once.
  void rest(std::chrono::nanoseconds wait, const std::string& refused_material);
  [[nodiscard]] std::string material() const;
  void stop_dialling();
  void retry_or_rest();
  void arm_idle();
  void run_call(const std::shared_ptr<OutgoingCall>& call);
  [[nodiscard]] ClientConnection::Options connection_options() const;

  std::unique_ptr<Resolution> resolution_;
  std::vector<Address> addresses_;
  size_t next_address_ = 0;
  int dial_fd_ = -1;
  std::shared_ptr<ClientConnection> dialling_;
  Address dialling_address_;
  std::string dialled_with_;  // material() of the newest attempt: what a verdict was about
  os::EventLoop::TimerId dial_timer_ = 0, backoff_timer_ = 0, idle_timer_ = 0;
  std::shared_ptr<ClientConnection> current_;
  std::unordered_set<std::shared_ptr<ClientConnection>> leaving_;  // GOAWAY came, calls are still on the way
  std::deque<std::shared_ptr<OutgoingCall>> waiting_;
  std::unordered_set<OutgoingCall*> calls_;
  std::chrono::nanoseconds backoff_{0};
  std::chrono::milliseconds keepalive_interval_;
  std::minstd_rand random_;
};

}  // namespace selvage::rpc
