#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <thread>

#include "base/log.h"
#include "client/broadcast_client.h"
#include "client/deliver_client.h"
#include "client/dial_client.h"
#include "identity/posix_msp_directory.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "tls/files_service.h"
#include "tls/probe_client.h"
#include "tools/selvage/rotate/channels_client.h"
#include "tools/selvage/rotate/plan.h"
#include "tools/selvage/rotate/rotate.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"
#include "wire/signer.h"

namespace selvage::tools::rotate {
namespace {

// A channel, and the orderers that have it: the others that answer, or the node alone where none of them does.
struct Task {
  ChannelPlan plan;
  std::vector<std::string> orderers;
};

struct Seen {
  channel::BundlePtr bundle;  // the newest
  std::vector<std::string> orderers;
};

// What an orderer says of a channel that it does not have.
bool is_absent(const Error& error) { return error.message.find("NOT_FOUND") != std::string::npos; }

// What an orderer says for a moment after an election, when its leader has not heard of every other node yet.
bool passes(const Error& error) {
  for (const char* words : {"SERVICE_UNAVAILABLE", "no Raft leader", "nodes are alive"}) {
    if (error.message.find(words) != std::string::npos) return true;
  }
  return false;
}

constexpr auto kPause =
    std::chrono::milliseconds(200);  // between looks at nodes that cannot tell us when they are ready

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(os::system_clock().now()); }

// One run of the command: who we are, whom we ask, what is to be said.
class Rotation {
 public:
  Rotation(const Wanted& wanted, Terminal terminal) : wanted_(wanted), terminal_(terminal) {}
  Status run();

 private:
  Status prepare();
  void find_others();
  Result<std::vector<std::string>> channels() const;
  Status plan();
  Status check_quorums();
  Status submit(const Task& task);
  Status wait_for_channels();
  Status install();
  Status wait_for_node();
  Result<std::shared_ptr<rpc::Channel>> dial(const std::string& address) const;
  Result<channel::BundlePtr> config_from(const std::string& address, const std::string& channel) const;
  Result<Seen> look_at(const std::string& channel) const;
  std::ostream& say() { return terminal_.out; }
  bool in_time() const { return std::chrono::steady_clock::now() < deadline_; }

  const Wanted& wanted_;
  Terminal terminal_;
  std::chrono::steady_clock::time_point deadline_;
  std::shared_ptr<tls::CredentialStore> tls_pair_;
  std::shared_ptr<tls::TrustStore> trust_;
  std::vector<identity::SigningIdentity> signers_;  // the submitter first
  NewPair pair_;
  std::vector<std::string> others_alive_;
  std::vector<Task> tasks_;
};

Status Rotation::prepare() {
  deadline_ = std::chrono::steady_clock::now() + wanted_.timeout;
  SELVAGE_TRY(auto roots, tls::load_roots(wanted_.ca_file, Origin{"--cafile", "", 0}));
  trust_ = std::make_shared<tls::TrustStore>(std::move(roots));
  SELVAGE_TRY(auto own, tls::load_credentials({wanted_.tls_cert, Origin{"--certfile", "", 0}, wanted_.tls_key,
                                               Origin{"--keyfile", "", 0}}));
  tls_pair_ = std::make_shared<tls::CredentialStore>(own);
  // Loading them checks that each is a pair, before anything is changed.
  SELVAGE_TRY(auto server, tls::load_credentials({wanted_.new_cert, Origin{"--new-cert", "", 0}, wanted_.new_key,
                                                  Origin{"--new-key", "", 0}}));
  pair_.server_pem = server->leaf().pem();
  pair_.client_pem = pair_.server_pem;
  if (!wanted_.new_client_cert.empty()) {
    SELVAGE_TRY(auto client, tls::load_credentials({wanted_.new_client_cert, Origin{"--new-client-cert", "", 0},
                                                    wanted_.new_client_key, Origin{"--new-client-key", "", 0}}));
    pair_.client_pem = client->leaf().pem();
  }
  SELVAGE_TRY(auto admin, identity::load_signing_identity(wanted_.msp_folder, wanted_.msp_id));
  signers_.push_back(std::move(admin));
  for (const std::string& signer : wanted_.signers) {
    const size_t colon = signer.find(':');
    if (colon == std::string::npos) return fail(Code::kInvalidArgument, "--sign " + signer + ": give MSPID:FOLDER");
    SELVAGE_TRY(auto more, identity::load_signing_identity(signer.substr(colon + 1), signer.substr(0, colon)));
    signers_.push_back(std::move(more));
  }
  return {};
}

Result<std::shared_ptr<rpc::Channel>> Rotation::dial(const std::string& address) const {
  client::DialSettings settings;
  settings.is_cli = true;
  settings.certificate_setting = {"--certfile", "", 0};
  client::Target target;
  target.address = address;
  target.trust = trust_;
  target.roots_setting = {"--cafile", "", 0};
  return client::Dialer(tls_pair_, settings).dial(target);
}

Result<channel::BundlePtr> Rotation::config_from(const std::string& address, const std::string& channel) const {
  SELVAGE_TRY(auto connection, dial(address));
  client::DeliverClient deliver(connection, client::From::kOrderer, channel, wire::signer_of(signers_.front()),
                                tls_pair_->current()->leaf().sha256(), true);
  SELVAGE_TRY(auto newest, deliver.fetch(client::Newest{}));
  SELVAGE_TRY(uint64_t number, wire::last_config_index(newest));
  if (number == newest.header().number()) return channel::Bundle::from_block(newest);
  SELVAGE_TRY(auto block, deliver.fetch(number));
  return channel::Bundle::from_block(block);
}

Result<Seen> Rotation::look_at(const std::string& channel) const {
  Seen seen;
  Error last{Code::kNotFound, "no orderer that answers has channel " + channel, "",
             "name one that has it with --orderer, or with --channel the channels that are to change"};
  auto ask = [&](const std::string& address) {
    auto bundle = config_from(address, channel);
    if (!bundle) {
      if (!is_absent(bundle.error())) last = bundle.error().within("channel " + channel + " from " + address);
      return;
    }
    seen.orderers.push_back(address);
    if (!seen.bundle || (*bundle)->config().sequence() > seen.bundle->config().sequence()) seen.bundle = *bundle;
  };
  for (const std::string& address : others_alive_) ask(address);
  if (!seen.bundle) ask(wanted_.node);
  if (!seen.bundle) return fail(std::move(last));
  return seen;
}

void Rotation::find_others() {
  for (const std::string& address : wanted_.orderers) {
    if (address == wanted_.node) continue;
    tls::ClientContext context(tls_pair_, trust_);
    if (tls::probe(context, address).accepted) others_alive_.push_back(address);
  }
  say() << fmt::format("{} other orderer{} of those named with --orderer answer{}\n", others_alive_.size(),
                       others_alive_.size() == 1 ? "" : "s", others_alive_.size() == 1 ? "s" : "");
}

Result<std::vector<std::string>> Rotation::channels() const {
  if (wanted_.admins.empty()) return wanted_.channels;
  SELVAGE_TRY(auto found, find_channels(wanted_.admins, tls_pair_, trust_));
  if (wanted_.channels.empty()) return found;
  for (const std::string& channel : wanted_.channels) {
    if (std::find(found.begin(), found.end(), channel) != found.end()) continue;
    return fail(Code::kNotFound, "no node of --admin has channel " + channel);
  }
  return wanted_.channels;
}

Status Rotation::plan() {
  SELVAGE_TRY(auto names, channels());
  for (const std::string& name : names) {
    SELVAGE_TRY(auto seen, look_at(name));
    auto made = plan_channel(*seen.bundle, wanted_.node, pair_, now());
    // Of a channel that was asked for by name it is a mistake, of a found one it is a fact.
    if (!made && made.error().code == Code::kNotFound && wanted_.channels.empty()) {
      say() << fmt::format("channel {}: {} is no consenter of it\n", name, wanted_.node);
      continue;
    }
    if (!made) return fail(made.error());
    say() << fmt::format("channel {}: consenter {} of {}, {}\n", name, made->place, made->consenters,
                         made->update ? "new key: the configuration is updated first" : "same keys: no update needed");
    tasks_.push_back({std::move(*made), std::move(seen.orderers)});
  }
  if (tasks_.empty()) return fail(Code::kNotFound, wanted_.node + " is a consenter of no channel");
  return {};
}

Status Rotation::check_quorums() {
  for (const Task& one : tasks_) {
    const auto others =
        one.orderers.size() - static_cast<size_t>(std::count(one.orderers.begin(), one.orderers.end(), wanted_.node));
    if (Status enough = check_quorum(one.plan.consenters, others); !enough)
      return fail(enough.error().within("channel " + one.plan.channel));
  }
  return {};
}

Status Rotation::submit(const Task& task) {
  const ChannelPlan& plan = task.plan;
  common::ConfigUpdateEnvelope update;
  update.set_config_update(wire::marshal(*plan.update));
  for (const auto& signer : signers_) {
    auto* signature = update.add_signatures();
    signature->set_signature_header(
        wire::marshal(wire::make_signature_header(signer.serialized(), os::system_random())));
    SELVAGE_TRY(*signature->mutable_signature(), signer.sign(signature->signature_header() + update.config_update()));
  }
  SELVAGE_TRY(auto envelope,
              wire::make_signed_envelope(common::CONFIG_UPDATE, plan.channel, wire::signer_of(signers_.front()), update,
                                         os::system_clock().now(), os::system_random()));
  // The node itself last: of a channel without other consenters nobody else takes it.
  std::vector<std::string> takers = task.orderers;
  if (std::find(takers.begin(), takers.end(), wanted_.node) == takers.end()) takers.push_back(wanted_.node);
  for (;;) {
    Error last{Code::kUnavailable, "no orderer to submit to", "", ""};
    bool again = false;
    for (const std::string& address : takers) {
      auto connection = dial(address);
      Status sent =
          connection ? client::BroadcastClient({*connection}).send(envelope) : Status(fail(connection.error()));
      if (sent) {
        say() << "channel " << plan.channel << ": update submitted to " << address << "\n";
        return {};
      }
      again = again || passes(sent.error());
      // Its address may be that of a listener for orderers alone, which takes no updates: what the others say counts.
      if (address == wanted_.node && takers.size() > 1) continue;
      last = sent.error().within("channel " + plan.channel + ", " + address);
    }
    if (!again || !in_time()) return fail(std::move(last));
    std::this_thread::sleep_for(kPause);
  }
}

Status Rotation::wait_for_channels() {
  for (const auto& [plan, orderers] : tasks_) {
    if (!plan.update) continue;
    for (const std::string& address : orderers) {
      for (bool there = false; !there;) {
        auto bundle = config_from(address, plan.channel);
        if (bundle) {
          auto again = plan_channel(**bundle, wanted_.node, pair_, now());
          there = again.has_value() && !again->update;
        }
        if (there) break;
        if (!in_time()) {
          return fail(Code::kDeadlineExceeded,
                      "channel " + plan.channel + " at " + address + " does not have the new certificate yet", "",
                      "the node's files are untouched: run this again when that orderer is up; the update itself is "
                      "not repeated");
        }
        std::this_thread::sleep_for(kPause);
      }
    }
    say() << "channel " << plan.channel << ": all orderers asked have the new certificate\n";
  }
  return {};
}

Status copy_over(const std::string& from, const std::string& to) {
  SELVAGE_TRY(Bytes content, read_file(from));
  const std::string next = to + ".new";
  // Not there, or mode and content of an earlier attempt would stay.
  std::error_code ignored;
  std::filesystem::remove(next, ignored);
  SELVAGE_CHECK(write_file(next, content, 0600));
  std::error_code error;
  std::filesystem::rename(next, to, error);
  if (error) return fail(Code::kUnknown, "rename " + next + " " + to + ": " + error.message());
  return {};
}

Status Rotation::install() {
  if (wanted_.install_cert.empty() || wanted_.install_key.empty()) {
    say() << "give the pair to the node now: " << wanted_.new_cert << ", " << wanted_.new_key << "\n";
    return {};
  }
  SELVAGE_CHECK(copy_over(wanted_.new_key, wanted_.install_key));
  SELVAGE_CHECK(copy_over(wanted_.new_cert, wanted_.install_cert));
  if (!wanted_.install_client_cert.empty() && !wanted_.install_client_key.empty()) {
    SELVAGE_CHECK(copy_over(wanted_.new_client_key.empty() ? wanted_.new_key : wanted_.new_client_key,
                            wanted_.install_client_key));
    SELVAGE_CHECK(copy_over(wanted_.new_client_cert.empty() ? wanted_.new_cert : wanted_.new_client_cert,
                            wanted_.install_client_cert));
  }
  say() << "installed " << wanted_.install_cert << " and " << wanted_.install_key << "\n";
  return wait_for_node();
}

Status Rotation::wait_for_node() {
  SELVAGE_TRY(auto wanted, crypto::Certificate::from_pem(pair_.server_pem));
  for (;;) {
    tls::ClientContext context(tls_pair_, trust_);
    const auto seen = tls::probe(context, wanted_.node);
    const auto& chain = seen.accepted ? seen.facts.peer_chain : seen.evidence.peer_chain;
    if (!chain.empty() && chain.front().sha256() == wanted.sha256()) {
      say() << wanted_.node << " presents the new certificate\n";
      return {};
    }
    if (!in_time()) {
      return fail(Code::kDeadlineExceeded, wanted_.node + " does not present the new certificate yet", "",
                  "look into its log; SIGHUP or PUT /tls/reload make it look at its files at once, an orderer of "
                  "another make needs a restart");
    }
    std::this_thread::sleep_for(kPause);
  }
}

Status Rotation::run() {
  SELVAGE_CHECK(prepare());
  find_others();
  SELVAGE_CHECK(plan());
  SELVAGE_CHECK(check_quorums());
  if (wanted_.dry_run) {
    say() << "then the node's files are replaced; nothing was changed (--dry-run)\n";
    return {};
  }
  for (const Task& one : tasks_) {
    if (one.plan.update) SELVAGE_CHECK(submit(one));
  }
  SELVAGE_CHECK(wait_for_channels());
  return install();
}

}  // namespace

int run(const Wanted& wanted, Terminal terminal) {
  // What client/ tells of its progress is not what was asked for.
  if (std::getenv("FABRIC_LOGGING_SPEC") == nullptr) (void)log::set_spec("error");
  if (auto done = Rotation(wanted, terminal).run(); !done) {
    terminal.err << "selvage: error: " << to_string(done.error()) << "\n";
    return 1;
  }
  return 0;
}

}  // namespace selvage::tools::rotate
