// Frames of four length bytes and a message, over loopback TCP, for one thread: what the Raft nodes of this test speak.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace selvage::test {

class Sockets {
 public:
  Sockets();
  ~Sockets();
  Sockets(const Sockets&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }
  void set_peer(uint64_t id, uint16_t port);
  // False when there is no connection to be had, or too much is waiting.
  [[nodiscard]] bool send(uint64_t peer, const std::string& message);
  // Waits until something can be read, also on standard input; then calls back for each frame and each line. False when
  // standard input has ended.
  [[nodiscard]] bool turn(const std::function<void(std::string)>& on_frame,
                          const std::function<void(const std::string&)>& on_line);

 private:
  struct Incoming {
    int fd = -1;
    std::string bytes;
  };
  struct Outgoing {
    uint16_t port = 0;
    int fd = -1;
    std::string waiting;
  };
  void flush(Outgoing& peer);
  // False when the other side is gone.
  static bool read_some(int fd, std::string& bytes);

  int listener_ = -1;
  uint16_t port_ = 0;
  std::vector<Incoming> incoming_;
  std::map<uint64_t, Outgoing> peers_;
  std::string lines_;
};

}  // namespace selvage::test
