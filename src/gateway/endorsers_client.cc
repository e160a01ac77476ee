#include "base/log.h"
#include "channel/bundle.h"
#include "gateway/connections_client.h"
#include "rpc/channel.h"
#include "wire/marshal.h"

namespace selvage::gateway {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gateway");
  return instance;
}

std::vector<tls::Root> roots_of(const channel::Bundle& bundle, const std::string& mspid) {
  std::vector<tls::Root> roots;
  for (const auto& org : bundle.org_tls_roots()) {
    if (org.mspid != mspid) continue;
    const auto add = [&](const std::vector<crypto::Certificate>& certificates, bool intermediate) {
      for (size_t i = 0; i < certificates.size(); ++i) {
        tls::Provenance from;
        from.kind = tls::Provenance::Kind::kChannel;
        from.channel = bundle.channel_id();
        from.msp_id = mspid;
        from.intermediate = intermediate;
        from.index = static_cast<int>(i);
        roots.push_back({certificates[i], std::move(from)});
      }
    };
    add(org.roots, false);
    add(org.intermediates, true);
  }
  return roots;
}

bool same_roots(const std::vector<tls::Root>& one, const std::vector<tls::Root>& other) {
  if (one.size() != other.size()) return false;
  for (size_t i = 0; i < one.size(); ++i)
    if (!(one[i].certificate == other[i].certificate)) return false;
  return true;
}

}  // namespace

class EndorserClients::Remote final : public Endorser, public std::enable_shared_from_this<Remote> {
 public:
  Remote(Member member, std::string channel, std::vector<tls::Root> roots, std::shared_ptr<rpc::Channel> connection)
      : member_(std::move(member)),
        channel_(std::move(channel)),
        roots_(std::move(roots)),
        connection_(std::move(connection)) {}

  [[nodiscard]] const Member& member() const override { return member_; }
  [[nodiscard]] const std::string& channel() const { return channel_; }
  [[nodiscard]] const std::vector<tls::Root>& roots() const { return roots_; }
  void close() { connection_->close(); }

  std::function<void()> process(std::shared_ptr<const ::protos::SignedProposal> proposal, std::chrono::milliseconds timeout,
                                Done done) override {
    auto call = connection_->call_async("/protos.Endorser/ProcessProposal", wire::marshal(*proposal), {.timeout = timeout},
                                        [self = shared_from_this(), done = std::move(done)](rpc::UnaryReply reply) {
                                          done(self->read(std::move(reply)));
                                        });
    return [call = std::move(call)] { call->cancel(); };
  }

 private:
  EndorserAnswer read(rpc::UnaryReply reply) const {
    EndorserAnswer answer;
    if (reply.status.ok() && !wire::parse_into(reply.message, answer.response))
      reply.status = {Code::kInternal, "grpc: failed to unmarshal the received message: proto: cannot parse invalid "
                                       "wire-format data"};
    if (reply.status.ok()) return answer;
    answer.failed = true;
    answer.code = reply.status.code;
    answer.error = reply.status.to_string();
    return answer;
  }

  const Member member_;
  const std::string channel_;  // whose configuration the roots are from
  const std::vector<tls::Root> roots_;
  const std::shared_ptr<rpc::Channel> connection_;
};

EndorserClients::EndorserClients(EndorserPtr local, Network& network, Dial dial)
    : local_(std::move(local)), network_(network), dial_(std::move(dial)) {}

EndorserPtr EndorserClients::find(const std::string& channel, const Member& member) {
  if (member.pki_id == local_->member().pki_id) return local_;
  if (member.endpoint.empty()) {
    LOG_WARN(logger(), "No endpoint for endorser with PKI ID {}", to_hex(member.pki_id));
    return nullptr;
  }
  {
    std::lock_guard lock(mutex_);
    const auto found = remotes_.find(member.endpoint);
    if (found != remotes_.end() && found->second->member().pki_id == member.pki_id) return found->second;
    if (stopped_) return nullptr;
  }
  const auto bundle = network_.bundle(channel);
  if (!bundle) return nullptr;
  auto roots = roots_of(*bundle, member.mspid);
  LOG_INFO(logger(), "Attempting to connect to endorser endpoint={}", member.endpoint);
  auto connection = dial_(member.endpoint, roots);
  auto remote = std::make_shared<Remote>(member, channel, std::move(roots), std::move(connection));
  std::lock_guard lock(mutex_);
  if (stopped_) return nullptr;
  auto& place = remotes_[member.endpoint];
  if (!place || place->member().pki_id != member.pki_id) {
    place = std::move(remote);
    LOG_INFO(logger(), "Added peer to registry: {}", member.endpoint);
  }
  return place;
}

void EndorserClients::drop(const Endorser& endorser) {
  std::lock_guard lock(mutex_);
  const auto found = remotes_.find(endorser.member().endpoint);
  if (found == remotes_.end() || found->second.get() != &endorser) return;
  LOG_INFO(logger(), "Closing connection to remote endorser address={} mspid={}", endorser.member().endpoint,
           endorser.member().mspid);
  remotes_.erase(found);  // calls that are on the way keep it until they are over
}

void EndorserClients::config_changed(const channel::Bundle& bundle) {
  std::lock_guard lock(mutex_);
  std::erase_if(remotes_, [&](const auto& entry) {
    const Remote& remote = *entry.second;
    return remote.channel() == bundle.channel_id() && !same_roots(remote.roots(), roots_of(bundle, remote.member().mspid));
  });
}

void EndorserClients::stop() {
  std::map<std::string, std::shared_ptr<Remote>> remotes;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    remotes.swap(remotes_);
  }
  for (const auto& [endpoint, remote] : remotes) remote->close();
}

size_t EndorserClients::size() const {
  std::lock_guard lock(mutex_);
  return remotes_.size();
}

}  // namespace selvage::gateway
