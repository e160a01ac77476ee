#include "orderer_process.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "common/configtx.pb.h"
#include "crypto/hash.h"
#include "http/client.h"
#include "os/system_clock.h"
#include "tls/credentials.h"
#include "tls/trust.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::test {
namespace {

namespace fs = std::filesystem;
std::mutex log_mutex;

// A port that was free a moment ago.
uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

void write(const fs::path& path, const Bytes& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string program() {
  const char* folder = std::getenv("SELVAGE_BIN");
  return (folder != nullptr ? std::string(folder) : std::string(SELVAGE_BINARY_DIR) + "/bin") + "/orderer";
}

}  // namespace

OrdererProcess::OrdererProcess() : log_(std::make_unique<std::string>()) {
  char pattern[] = "/tmp/selvage-orderer-XXXXXX";
  directory_ = mkdtemp(pattern);
  port_ = free_port();
  admin_port_ = free_port();
  operations_port_ = free_port();
  ChannelOptions options;
  options.orderer_endpoint = "127.0.0.1:" + std::to_string(port_);
  options.batch_timeout = "50ms";
  channel_ = std::make_unique<Channel>(options);
  channel_->orderer().write_directory(directory_ + "/msp", channel_->orderer().orderer());
  write(directory_ + "/tls/server.crt", channel_->consenter_tls().certificate_pem());
  write(directory_ + "/tls/server.key", channel_->consenter_tls().key_pem());
  write(directory_ + "/tls/ca.crt", channel_->orderer().tls_ca().pem());
  client_ = std::make_unique<Identity>(channel_->org(0).tls_ca().client("app"));
  admin_ = std::make_unique<Identity>(channel_->orderer().tls_ca().client("admin"));
}

OrdererProcess::~OrdererProcess() {
  process_.reset();
  std::error_code ignored;
  if (!testing::Test::HasFailure()) fs::remove_all(directory_, ignored);
}

void OrdererProcess::start() {
  const std::string tls = directory_ + "/tls/";
  const auto local = [](uint16_t port) { return "127.0.0.1:" + std::to_string(port); };
  os::ProcessSettings settings;
  settings.arguments = {program()};
  settings.directory = directory_;
  settings.environment = {
      std::string("FABRIC_CFG_PATH=") + SELVAGE_SOURCE_DIR + "/config",
      "FABRIC_LOGGING_SPEC=info:orderer.consensus.etcdraft,comm.grpc.server=warn",
      "ORDERER_GENERAL_LISTENADDRESS=127.0.0.1",
      "ORDERER_GENERAL_LISTENPORT=" + std::to_string(port_),
      "ORDERER_GENERAL_LOCALMSPID=OrdererMSP",
      "ORDERER_GENERAL_LOCALMSPDIR=" + directory_ + "/msp",
      "ORDERER_GENERAL_BOOTSTRAPMETHOD=none",
      "ORDERER_GENERAL_TLS_ENABLED=true",
      "ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED=true",
      "ORDERER_GENERAL_TLS_CERTIFICATE=" + tls + "server.crt",
      "ORDERER_GENERAL_TLS_PRIVATEKEY=" + tls + "server.key",
      "ORDERER_GENERAL_TLS_ROOTCAS=[" + tls + "ca.crt]",
      "ORDERER_GENERAL_TLS_CLIENTROOTCAS=[" + tls + "ca.crt]",
      "ORDERER_FILELEDGER_LOCATION=" + directory_ + "/data",
      "ORDERER_CONSENSUS_WALDIR=" + directory_ + "/data/etcdraft/wal",
      "ORDERER_CONSENSUS_SNAPDIR=" + directory_ + "/data/etcdraft/snapshot",
      "ORDERER_OPERATIONS_LISTENADDRESS=" + local(operations_port_),
      "ORDERER_ADMIN_LISTENADDRESS=" + local(admin_port_),
      "ORDERER_ADMIN_TLS_ENABLED=true",
      "ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED=true",
      "ORDERER_ADMIN_TLS_CERTIFICATE=" + tls + "server.crt",
      "ORDERER_ADMIN_TLS_PRIVATEKEY=" + tls + "server.key",
      "ORDERER_ADMIN_TLS_ROOTCAS=[" + tls + "ca.crt]",
      "ORDERER_ADMIN_TLS_CLIENTROOTCAS=[" + tls + "ca.crt]",
  };
  {
    std::lock_guard lock(log_mutex);
    log_->clear();
  }
  settings.on_stderr = [text = log_.get()](std::string_view line) {
    std::lock_guard lock(log_mutex);
    text->append(line).append("\n");
  };
  auto process = os::Process::start(std::move(settings));
  ASSERT_TRUE(process) << to_string(process.error());
  process_ = std::move(*process);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (log().find("Beginning to serve requests") == std::string::npos) {
    const auto ended = process_->wait_for(std::chrono::milliseconds(5));
    ASSERT_FALSE(ended) << "orderer ended: " << ended->to_string() << "\n" << log();
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << log();
  }
}

void OrdererProcess::kill() {
  ::kill(process_->pid(), SIGKILL);
  (void)process_->wait();
}

std::pair<std::chrono::milliseconds, os::Exit> OrdererProcess::terminate() {
  const auto start = std::chrono::steady_clock::now();
  ::kill(process_->pid(), SIGTERM);
  const os::Exit exit = process_->wait();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start), exit};
}

int OrdererProcess::join() {
  http::ClientRequest request;
  request.method = "POST";
  request.url = "https://127.0.0.1:" + std::to_string(admin_port_) + "/participation/v1/channels";
  auto [body, type] = http::encode_multipart({{"config-block", "config.block", "application/octet-stream",
                                               wire::marshal(channel_->genesis_block())}},
                                             "boundary");
  request.body = std::move(body);
  request.headers.set("Content-Type", type);
  request.tls = client_tls(channel_->orderer(), *admin_, "http/1.1");
  const auto response = http::fetch(request);
  EXPECT_TRUE(response) << to_string(response.error());
  return response ? response->status : 0;
}

std::shared_ptr<tls::ClientContext> OrdererProcess::client_tls(const Organization&, const Identity& client,
                                                               const char* alpn) const {
  auto credentials = tls::Credentials::from_parts({client.certificate}, client.key);
  tls::ClientPolicy policy;
  policy.alpn = {alpn};
  return std::make_shared<tls::ClientContext>(
      std::make_shared<tls::CredentialStore>(*credentials),
      std::make_shared<tls::TrustStore>(std::vector<tls::Root>{{channel_->orderer().tls_ca().certificate(), {}}}),
      std::move(policy));
}

std::shared_ptr<rpc::Channel> OrdererProcess::connect() const {
  rpc::ChannelSettings settings;
  settings.targets = {"127.0.0.1:" + std::to_string(port_)};
  settings.tls = client_tls(channel_->org(0), *client_, "h2");
  settings.backoff.base = std::chrono::milliseconds(20);
  settings.backoff.max = std::chrono::milliseconds(100);
  return rpc::Channel::make(std::move(settings));
}

Bytes OrdererProcess::message(const Bytes& content) {
  ::common::ConfigValue data;  // any message with bytes in it
  data.set_value(content);
  return wire::marshal(*wire::make_signed_envelope(::common::ENDORSER_TRANSACTION, channel_->id(),
                                                   wire::signer_of(channel_->org(0).client()), data,
                                                   os::system_clock().now(), random_));
}

Bytes OrdererProcess::seek(uint64_t first) {
  ::orderer::SeekInfo info;
  info.mutable_start()->mutable_specified()->set_number(first);
  info.mutable_stop()->mutable_specified()->set_number(UINT64_MAX);
  wire::EnvelopeOptions options;
  options.tls_cert_hash = crypto::sha256(client_->certificate.der());
  return wire::marshal(*wire::make_signed_envelope(::common::DELIVER_SEEK_INFO, channel_->id(),
                                                   wire::signer_of(channel_->org(0).client()), info,
                                                   os::system_clock().now(), random_, options));
}

std::chrono::milliseconds OrdererProcess::cpu() const {
  std::ifstream stat("/proc/" + std::to_string(process_->pid()) + "/stat");
  std::string word;
  long ticks = 0;
  for (int i = 1; i <= 15 && stat >> word; ++i) {
    if (i >= 14) ticks += std::stol(word);
  }
  return std::chrono::milliseconds(ticks * 1000 / sysconf(_SC_CLK_TCK));
}

size_t OrdererProcess::resident_bytes() const {
  std::ifstream statm("/proc/" + std::to_string(process_->pid()) + "/statm");
  size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::string OrdererProcess::log() const {
  std::lock_guard lock(log_mutex);
  return *log_;
}

}  // namespace selvage::test
