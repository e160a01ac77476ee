#include "gossip/roles/contacts.h"

#include <algorithm>

#include "base/log.h"

namespace selvage::gossip {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gossip.gossip");
  return instance;
}
const log::Logger& discovery_logger() {
  static const log::Logger instance("gossip.discovery");
  return instance;
}

constexpr auto kAnswerWithin = std::chrono::seconds(5);
constexpr auto kFirstPause = std::chrono::seconds(1);

}  // namespace

Contacts::Contacts(const Settings& settings, std::string own_org, SteadyTime now)
    : settings_(settings), own_org_(std::move(own_org)) {
  for (const std::string& endpoint : settings.bootstrap) {
    if (endpoint.empty()) continue;
    Contact& contact = contacts_[endpoint];
    contact.bootstrap = contact.own_org = true;
    contact.done = is_ourselves(endpoint);
    contact.next = now;
  }
}

// Fabric quirk: loopback with our own port counts as ourselves.
bool Contacts::is_ourselves(const std::string& endpoint) const {
  if (endpoint == settings_.endpoint || endpoint == settings_.external_endpoint) return true;
  const size_t colon = settings_.endpoint.rfind(':');
  if (colon == std::string::npos) return false;
  const std::string port = settings_.endpoint.substr(colon);
  return endpoint == "127.0.0.1" + port || endpoint == "localhost" + port;
}

void Contacts::set_channel(const ChannelConfig& config, SteadyTime now) {
  for (auto& [endpoint, contact] : contacts_) contact.channels.erase(config.id);
  for (const auto& [org, anchors] : config.orgs) {
    if (anchors.empty()) {
      LOG_INFO(logger(), "No configured anchor peers of {} for channel {} to learn about", org, config.id);
      continue;
    }
    std::string names;
    for (const auto& anchor : anchors) names += (names.empty() ? "" : " ") + anchor.endpoint();
    LOG_INFO(logger(), "Learning about the configured anchor peers of {} for channel {}: [{}]", org, config.id,
             escape(names));
    for (const auto& anchor : anchors) {
      if (anchor.host.empty() || anchor.port <= 0 || anchor.port > 65535) {
        LOG_WARN(logger(), "Got an anchor peer without host or port for channel {}, skipping connecting to it: {}", config.id,
                 escape(anchor.endpoint()));
        continue;
      }
      const std::string endpoint = anchor.endpoint();
      if (is_ourselves(endpoint)) {
        LOG_INFO(logger(), "Anchor peer for channel {} with same endpoint, skipping connecting to myself", config.id);
        continue;
      }
      if (org != own_org_ && settings_.external_endpoint.empty()) {
        LOG_INFO(logger(), "Anchor peer {} isn't in our org({}) and we have no external endpoint, skipping",
                 escape(endpoint), org);
        continue;
      }
      auto [at, is_new] = contacts_.try_emplace(endpoint);
      at->second.channels.insert(config.id);
      if (org == own_org_) at->second.own_org = true;
      if (is_new) at->second.next = now;
    }
  }
  std::erase_if(contacts_, [](const auto& item) { return !item.second.bootstrap && item.second.channels.empty(); });
}

std::vector<std::string> Contacts::due(SteadyTime now) {
  std::vector<std::string> endpoints;
  for (auto& [endpoint, contact] : contacts_) {
    if (contact.done || now < contact.next) continue;
    if (contact.attempts >= settings_.connection_attempts_max) {
      contact.done = true;
      continue;
    }
    endpoints.push_back(endpoint);
    retry(contact, now);  // unless dialled() says otherwise
    contact.next = std::max(contact.next, now + settings_.dial_timeout + 2 * settings_.connection_timeout);
  }
  return endpoints;
}

SteadyTime Contacts::next() const {
  SteadyTime next = SteadyTime::max();
  for (const auto& [endpoint, contact] : contacts_) {
    if (!contact.done) next = std::min(next, contact.next);
  }
  return next;
}

void Contacts::retry(Contact& contact, SteadyTime now) const {
  const auto pause = std::min<Milliseconds>(kFirstPause * (1 << std::min(contact.attempts, 10)), settings_.reconnect_interval);
  ++contact.attempts;
  contact.next = now + pause;
}

bool Contacts::dialled(const std::string& endpoint, const Result<SenderPtr>& outcome, const Bytes& own_pki_id,
                       uint64_t nonce, SteadyTime now) {
  const auto found = contacts_.find(endpoint);
  if (found == contacts_.end() || found->second.done) return false;
  Contact& contact = found->second;
  contact.attempts = std::max(contact.attempts - 1, 0);  // due() has counted this one
  retry(contact, now);
  if (!outcome) {
    LOG_WARN(discovery_logger(), "Could not connect to {} : {}", escape(endpoint), to_string(outcome.error()));
    return false;
  }
  if ((*outcome)->pki_id == own_pki_id) {
    contact.done = true;
    return false;
  }
  if (contact.own_org && (*outcome)->org != own_org_) {
    if (contact.bootstrap) {
      LOG_WARN(discovery_logger(), "Could not connect to {} : {} isn't in our organization, cannot be a bootstrap peer",
               escape(endpoint), escape(endpoint));
    } else {
      LOG_WARN(logger(), "Anchor peer {} for channel {} isn't in our org, but is claimed to be", escape(endpoint),
               *contact.channels.begin());
    }
    return false;
  }
  contact.nonce = nonce;
  contact.next = now + kAnswerWithin;
  return true;
}

void Contacts::answered(uint64_t nonce) {
  if (nonce == 0) return;
  for (auto& [endpoint, contact] : contacts_) {
    if (contact.nonce == nonce) contact.done = true;
  }
}

}  // namespace selvage::gossip
