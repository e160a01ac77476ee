// A client of several orderers, for tests that kill them: sends messages over mutual TLS to whoever takes them, watches
// what comes out as blocks, and holds the orderers' chains against each other.
//
//   orderer_client load    MSP_DIR MSP_ID CERT KEY CA CHANNEL ADDRESS,... SECONDS FILE   ids seen in blocks go to FILE
//   orderer_client fill    MSP_DIR MSP_ID CERT KEY CA CHANNEL ADDRESS,... COUNT FILE     so many, as fast as they are
//   taken orderer_client send    MSP_DIR MSP_ID CERT KEY CA CHANNEL ADDRESS COUNT FILE         so many on one stream,
//   one by one orderer_client compare MSP_DIR MSP_ID CERT KEY CA CHANNEL ADDRESS,... HEIGHT FILE
//
// SIGTERM ends a load early. CERT and KEY may be empty: then no certificate is presented.
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "base/log.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "identity/posix_msp_directory.h"
#include "orderer/ab.pb.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "rpc/channel.h"
#include "tls/context.h"
#include "tls/files_service.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

using namespace selvage;  // NOLINT: a program of one file
using namespace std::chrono_literals;

namespace {

constexpr int kSenders = 6;
constexpr auto kStreamAge = 20s;  // then a sender opens another one; an answer that takes longer is counted as refused

std::atomic<bool> terminated{false};

struct Client {
  wire::Signer signer;
  std::shared_ptr<tls::CredentialStore> credentials;
  std::shared_ptr<tls::TrustStore> roots;
  std::string channel;
  std::vector<std::string> addresses;

  std::shared_ptr<rpc::Channel> dial(size_t which) const {
    rpc::ChannelSettings settings;
    settings.targets = {addresses[which % addresses.size()]};
    settings.tls = std::make_shared<tls::ClientContext>(credentials, roots);
    settings.connect_timeout = 2s;
    return rpc::Channel::make(std::move(settings));
  }
  Bytes message(const std::string& id) const {
    ::common::ConfigValue data;
    data.set_value(id + std::string(200, '.'));
    return wire::marshal(*wire::make_signed_envelope(::common::ENDORSER_TRANSACTION, channel, signer, data,
                                                     os::system_clock().now(), os::system_random()));
  }
  Bytes seek(uint64_t first, uint64_t last) const {
    ::orderer::SeekInfo info;
    info.mutable_start()->mutable_specified()->set_number(first);
    info.mutable_stop()->mutable_specified()->set_number(last);
    info.set_error_response(::orderer::SeekInfo::BEST_EFFORT);
    wire::EnvelopeOptions options;
    options.tls_cert_hash = credentials->current()->leaf().sha256();
    return wire::marshal(*wire::make_signed_envelope(::common::DELIVER_SEEK_INFO, channel, signer, info,
                                                     os::system_clock().now(), os::system_random(), options));
  }
};

// What this program put into the transactions of a block.
std::vector<std::string> ids_of(const ::common::Block& block) {
  std::vector<std::string> ids;
  for (const Bytes& bytes : block.data().data()) {
    ::common::Envelope envelope;
    ::common::Payload payload;
    ::common::ConfigValue data;
    if (!wire::parse_into(bytes, envelope) || !wire::parse_into(envelope.payload(), payload) ||
        !wire::parse_into(payload.data(), data)) {
      continue;
    }
    if (const size_t end = data.value().find('.'); end != Bytes::npos && data.value().starts_with("id-")) {
      ids.push_back(data.value().substr(0, end));
    }
  }
  return ids;
}

// Blocks [first, last] of one orderer; false when its stream ends early.
bool read_blocks(const Client& client, size_t which, uint64_t first, uint64_t last,
                 const std::function<bool(const ::common::Block&)>& each) {
  const auto channel = client.dial(which);
  if (!channel->wait_ready(2s)) return false;
  const auto stream = channel->stream("/orderer.AtomicBroadcast/Deliver", {.timeout = 300s});
  stream->write(client.seek(first, last));
  Bytes bytes;
  while (stream->read(&bytes)) {
    ::orderer::DeliverResponse response;
    if (!wire::parse_into(bytes, response) || !response.has_block()) return false;
    if (!each(response.block())) return true;
    if (response.block().header().number() == last) return true;
  }
  return false;
}

// One message and its answer. Why it was not taken; empty: it was.
std::string send_one(const Client& client, rpc::ClientStream& stream, const std::string& id) {
  Bytes bytes;
  if (!stream.write(client.message(id)) || !stream.read(&bytes)) return stream.finish().to_string();
  ::orderer::BroadcastResponse response;
  if (!wire::parse_into(bytes, response)) return "an answer that cannot be read";
  if (response.status() == ::common::SUCCESS) return "";
  return ::common::Status_Name(response.status()) + ": " + response.info();
}

struct Limits {
  std::chrono::steady_clock::time_point until;
  int64_t count = INT64_MAX;
};

int load(const Client& client, Limits limits, const std::string& file) {
  std::atomic<bool> end{false};
  std::atomic<int64_t> left{limits.count};
  std::mutex mutex;
  std::set<std::string> accepted, seen;
  std::map<std::string, int> refusals;
  const auto goes_on = [&] { return !terminated && left > 0 && std::chrono::steady_clock::now() < limits.until; };
  std::thread reader([&] {
    uint64_t next = 0;
    for (size_t which = 0; !end; ++which) {
      (void)read_blocks(client, which, next, UINT64_MAX, [&](const ::common::Block& block) {
        std::lock_guard lock(mutex);
        for (const auto& id : ids_of(block)) seen.insert(id);
        next = block.header().number() + 1;
        return !end;
      });
      if (!end) std::this_thread::sleep_for(50ms);
    }
  });
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s) {
    senders.emplace_back([&, s] {
      int number = 0;
      for (size_t which = static_cast<size_t>(s); goes_on(); ++which) {
        const auto channel = client.dial(which);
        if (!channel->wait_ready(500ms)) continue;
        const auto stream = channel->stream("/orderer.AtomicBroadcast/Broadcast", {.timeout = 2 * kStreamAge});
        for (const auto opened = std::chrono::steady_clock::now();
             goes_on() && std::chrono::steady_clock::now() < opened + kStreamAge;) {
          const std::string id = "id-" + std::to_string(s) + "-" + std::to_string(++number);
          const std::string why = send_one(client, *stream, id);
          std::lock_guard lock(mutex);
          if (!why.empty()) {
            ++refusals[std::regex_replace(why, std::regex("[0-9]{4,}"), "N")];  // ports differ each time
            break;
          }
          accepted.insert(id);
          --left;
        }
        std::this_thread::sleep_for(20ms);
      }
    });
  }
  for (auto& sender : senders) sender.join();
  const auto last_wait = std::chrono::steady_clock::now() + 15s;
  for (;;) {
    {
      std::lock_guard lock(mutex);
      bool all = true;
      for (const auto& id : accepted) all = all && seen.contains(id);
      if (all || std::chrono::steady_clock::now() > last_wait) break;
    }
    std::this_thread::sleep_for(100ms);
  }
  std::lock_guard lock(mutex);
  std::ofstream out(file);
  size_t lost = 0;
  int refused = 0;
  for (const auto& [why, times] : refusals) refused += times;
  for (const auto& id : seen) out << id << "\n";
  for (const auto& id : accepted) lost += seen.contains(id) ? 0 : 1;
  std::cout << seen.size() << " transactions came out in blocks, " << accepted.size() << " were accepted, " << lost
            << " of these died with an orderer, " << refused << " were refused" << std::endl;
  for (const auto& [why, times] : refusals) std::cout << "  " << times << " times: " << why << std::endl;
  out.close();
  std::_Exit(seen.empty() ? 1 : 0);  // the reader waits for a next block
}

int send(const Client& client, int count) {
  const auto channel = client.dial(0);
  if (auto ready = channel->wait_ready(10s); !ready) {
    std::cout << "not connected: " << ready.error().message << std::endl;
    return 1;
  }
  const auto stream = channel->stream("/orderer.AtomicBroadcast/Broadcast", {.timeout = 300s});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    if (const std::string why = send_one(client, *stream, "one-" + std::to_string(i)); !why.empty()) {
      std::cout << "refused after " << i << ": " << why << std::endl;
      return 1;
    }
  }
  std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() << " seconds"
            << std::endl;
  return 0;
}

int compare(const Client& client, uint64_t height, const std::string& file) {
  std::map<std::string, int> times;
  std::ifstream in(file);
  for (std::string id; std::getline(in, id);) times[id] = 0;
  std::vector<Bytes> hashes;
  for (size_t which = 0; which < client.addresses.size(); ++which) {
    uint64_t count = 0;
    bool fine = true;
    std::map<std::string, int> here;
    const bool whole = read_blocks(client, which, 0, height - 1, [&](const ::common::Block& block) {
      const Bytes hash = wire::header_hash(block.header());
      if (which == 0) hashes.push_back(hash);
      fine = fine && block.header().number() == count && hashes[count] == hash &&
             wire::data_hash(block.data()) == block.header().data_hash();
      for (const auto& id : ids_of(block)) ++here[id];
      ++count;
      return fine;
    });
    if (!whole || !fine || count != height) {
      std::cout << client.addresses[which] << " differs at block " << count << std::endl;
      return 1;
    }
    for (const auto& [id, n] : here) {
      if (n != 1) {
        std::cout << id << " is there " << n << " times" << std::endl;
        return 1;
      }
    }
    for (const auto& [id, n] : times) {
      if (!here.contains(id)) {
        std::cout << client.addresses[which] << " has lost " << id << std::endl;
        return 1;
      }
    }
  }
  std::cout << height << " blocks are equal on " << client.addresses.size() << " orderers, with each of " << times.size()
            << " transactions once" << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 11) {
    std::cerr << "orderer_client load|fill|send|compare MSP_DIR MSP_ID CERT KEY CA CHANNEL ADDRESSES "
                 "SECONDS|COUNT|COUNT|HEIGHT FILE\n";
    return 2;
  }
  (void)log::set_spec("fatal");
  std::signal(SIGTERM, [](int) { terminated = true; });
  auto msp = identity::load_local_msp(argv[2], argv[3], os::system_clock().now());
  auto pair = *argv[4] == '\0' ? Result<std::shared_ptr<const tls::Credentials>>(nullptr)
                               : tls::load_credentials({argv[4], {}, argv[5], {}});
  auto roots = tls::load_roots(std::string(argv[6]), Origin{});
  if (!msp || !pair || !roots) {
    std::cerr << "cannot load keys: " << to_string(!msp ? msp.error() : !pair ? pair.error() : roots.error()) << "\n";
    return 2;
  }
  Client client{wire::signer_of(msp->signer), std::make_shared<tls::CredentialStore>(*pair),
                std::make_shared<tls::TrustStore>(*roots), argv[7], {}};
  std::istringstream list(argv[8]);
  for (std::string address; std::getline(list, address, ',');) client.addresses.push_back(address);
  const std::string what = argv[1];
  const uint64_t number = std::stoull(argv[9]);
  const auto now = std::chrono::steady_clock::now();
  if (what == "load") return load(client, {now + std::chrono::seconds(number)}, argv[10]);
  if (what == "fill") return load(client, {now + 24h, static_cast<int64_t>(number)}, argv[10]);
  if (what == "send") return send(client, static_cast<int>(number));
  return compare(client, number, argv[10]);
}
