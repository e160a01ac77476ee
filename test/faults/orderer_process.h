// The real program `orderer` with a channel of its own, and clients of it over mutual TLS: for tests that kill it.
#pragma once

#include <memory>
#include <string>

#include "kit/channels.h"
#include "orderer/ab.pb.h"
#include "os/process.h"
#include "rpc/channel.h"
#include "tls/context.h"

namespace selvage::test {

class OrdererProcess {
 public:
  // Makes keys and directories; nothing runs yet. Everything lies below a fresh directory, removed at the end unless the
  // test failed.
  OrdererProcess();
  ~OrdererProcess();

  // Returns once it serves. Again after kill(): with the data that the last life left.
  void start();
  // kill -9
  void kill();
  // SIGTERM; how long it took to end, and how.
  [[nodiscard]] std::pair<std::chrono::milliseconds, os::Exit> terminate();
  // osnadmin channel join, by REST over mutual TLS. The status.
  [[nodiscard]] int join();

  [[nodiscard]] Channel& channel() { return *channel_; }
  [[nodiscard]] std::shared_ptr<rpc::Channel> connect() const;
  // A message of Org1's client, signed, with this in it.
  [[nodiscard]] Bytes message(const Bytes& content);
  // A signed request for blocks from `first` on, for ever, bound to our TLS certificate.
  [[nodiscard]] Bytes seek(uint64_t first);
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] int pid() const { return process_->pid(); }
  // User and system time of the process so far.
  [[nodiscard]] std::chrono::milliseconds cpu() const;
  [[nodiscard]] size_t resident_bytes() const;
  [[nodiscard]] std::string log() const;

 private:
  [[nodiscard]] std::shared_ptr<tls::ClientContext> client_tls(const Organization& org, const Identity& client,
                                                               const char* alpn) const;
  std::string directory_;
  uint16_t port_, admin_port_, operations_port_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Identity> client_, admin_;
  std::unique_ptr<os::Process> process_;
  std::unique_ptr<std::string> log_;
  SeededRandom random_;
};

}  // namespace selvage::test
