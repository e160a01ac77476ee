// One accepted connection: TLS, requests one after another, their answers. Made by server.cc.
//
// Loop's thread only, but for answer(). It keeps itself alive while its descriptor is watched.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"
#include "http/server.h"
#include "os/event_loop.h"

namespace selvage::tls {
class Session;
}

namespace selvage::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A whole request is in; answer() follows from any thread.
    virtual void on_request(std::shared_ptr<Connection> connection, Request request) = 0;
    virtual void on_refused(tls::Session& session, const std::string& remote_address) = 0;
    virtual void on_gone(Connection* connection) = 0;
    // The connection holds so many bytes of a request now (`more`: than before; may be negative). False: all of them
    // together hold too much.
    virtual bool on_held(std::ptrdiff_t more) { return true; }
  };

  // Takes over the connected, non-blocking `fd`; `owner` and `settings` outlive it, or drop() is called first.
  Connection(os::EventLoop& loop, int fd, std::string address, std::unique_ptr<tls::Session> tls,
             const ServerSettings& settings, Owner* owner);
  ~Connection();
  void start();
  // The answer to the request that is out. Any thread.
  void answer(Response response);
  // Ends it once the request that is out is answered; at once when none is.
  void finish();
  // Ends it now.
  void drop();
  // Nobody works for it: it shakes hands, sends a request or does nothing, since then.
  [[nodiscard]] bool waiting() const { return phase_ == Phase::kHandshake || phase_ == Phase::kIdle || phase_ == Phase::kReading; }
  [[nodiscard]] bool served() const { return served_; }  // has had an answer
  [[nodiscard]] SteadyTime since() const { return since_; }

 private:
  struct Parser;
  enum class Phase { kHandshake, kIdle, kReading, kHandling, kWriting, kLingering };

  void on_event(uint32_t events);
  void read();
  void received(BytesView bytes);
  void parse();
  void take_request();
  void refuse(int status, std::string text);
  void write_response(const Response& response, bool keep_alive);
  void send(BytesView plaintext);
  // False once the connection is gone.
  bool flush();
  void after_write();
  void tls_failed();
  void linger();
  void enter(Phase phase, std::chrono::milliseconds deadline);
  bool count_held();
  [[nodiscard]] bool output_waits() const;
  void update_interest();

  os::EventLoop& loop_;
  int fd_;
  const std::string address_;
  std::unique_ptr<tls::Session> tls_;
  const ServerSettings& settings_;
  Owner* owner_;
  Phase phase_ = Phase::kHandshake;
  std::unique_ptr<Parser> parser_;
  Bytes input_;            // plaintext not parsed yet
  Bytes output_;           // without TLS
  size_t output_sent_ = 0;
  size_t held_ = 0;        // of input_ and parser_, as the owner knows it
  bool served_ = false;
  SteadyTime since_{};     // accepted, or the last answer
  bool head_ = false;      // the request that is out is a HEAD
  bool keep_alive_ = false;
  bool finishing_ = false;
  bool close_after_write_ = false;
  bool ended_ = false;     // the client sends no more, but may wait for its answer
  uint32_t interest_ = 0;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace selvage::http
