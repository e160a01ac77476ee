// One end of TLS over a real socket for test/interop/tls: what it sees it prints, one line an event.
//   tls_endpoint serve <folder>                       server.crt, server.key, ca.crt in it; prints "port <n>"
//   tls_endpoint dial <folder> <address> <certificate or -> <key or ->
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>

#include "tls/context.h"
#include "tls/files_service.h"
#include "tls/probe_client.h"

namespace {

using namespace selvage;

constexpr std::string_view kLabel = "orderer v3 authentication label";

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", to_string(result.error()).c_str());
    std::exit(1);
  }
  return std::move(*result);
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

bool flush(tls::Session& session, int fd) {
  while (!session.output().empty()) {
    ssize_t sent = ::send(fd, session.output().data(), session.output().size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    session.consume_output(static_cast<size_t>(sent));
  }
  return true;
}

// Greets with the exported key, then echoes.
void serve_one(tls::ServerContext& context, int fd, const std::string& address) {
  auto session = context.accept(address);
  char buffer[16384];
  bool greeted = false;
  while (true) {
    ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    Bytes plaintext;
    if (count <= 0) {
      session->receive_end(count == 0 ? "" : std::string("read tcp: ") + std::strerror(errno));
    } else {
      session->receive(BytesView(buffer, static_cast<size_t>(count)), plaintext);
    }
    if (session->state() == tls::Session::State::kOpen && !greeted) {
      greeted = true;
      const auto& facts = session->facts();
      say("open " + facts.version + " " + facts.group + " " + facts.cipher);
      session->send(to_hex(must(session->export_key(kLabel, "context", 32))) + "\n");
    }
    if (!plaintext.empty()) session->send(plaintext);
    flush(*session, fd);
    if (session->state() == tls::Session::State::kFailed) {
      if (!greeted) say("failed " + session->diagnosis()->code + " " + session->failure()->error);
      break;
    }
    if (session->state() != tls::Session::State::kOpen && session->state() != tls::Session::State::kHandshaking) break;
  }
  if (session->wants_linger()) {
    ::shutdown(fd, SHUT_WR);
    pollfd one{fd, POLLIN, 0};
    while (::poll(&one, 1, 1000) > 0 && ::recv(fd, buffer, sizeof buffer, 0) > 0) {
    }
  }
  ::close(fd);
}

int serve(const std::string& folder) {
  tls::CredentialFiles files{folder + "/server.crt", {}, folder + "/server.key", {}};
  auto credentials = std::make_shared<tls::CredentialStore>(must(tls::load_credentials(files)));
  auto trust = std::make_shared<tls::TrustStore>(must(tls::load_roots(folder + "/ca.crt", Origin{"ca.crt", "", 0})));
  tls::ServerContext context(credentials, trust, {});
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 64) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  say("port " + std::to_string(ntohs(address.sin_port)));
  while (true) {
    int fd = ::accept(listener, nullptr, nullptr);
    if (fd < 0) return 1;
    std::thread([&context, fd] { serve_one(context, fd, "127.0.0.1:0"); }).detach();
  }
}

int dial(const std::string& folder, const std::string& address, const std::string& certificate, const std::string& key) {
  std::shared_ptr<tls::CredentialStore> credentials;
  if (certificate != "-") {
    credentials = std::make_shared<tls::CredentialStore>(must(tls::load_credentials({certificate, {}, key, {}})));
  }
  auto trust = std::make_shared<tls::TrustStore>(must(tls::load_roots(folder + "/ca.crt", Origin{"--cafile", "", 0})));
  tls::ClientPolicy policy;
  policy.is_cli = true;
  tls::ClientContext context(credentials, trust, policy);
  auto result = tls::probe(context, address, std::chrono::seconds(20), std::chrono::seconds(10));
  if (result.accepted) {
    say("open " + result.facts.version);
  } else {
    say("failed " + result.diagnosis.code + " " + result.evidence.error);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "serve") == 0) return serve(argv[2]);
  if (argc == 6 && std::strcmp(argv[1], "dial") == 0) return dial(argv[2], argv[3], argv[4], argv[5]);
  return 2;
}
