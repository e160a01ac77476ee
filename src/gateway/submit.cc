#include "gateway/submit.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "base/log.h"
#include "channel/bundle.h"
#include "common/common.pb.h"
#include "wire/marshal.h"

namespace selvage::gateway {
namespace {

using Response = ::gateway::SubmitResponse;

std::string unsuccessful(const OrdererAnswer& answer) {
  return fmt::format("received unsuccessful response from orderer: status={}, info={}",
                     ::common::Status_Name(static_cast<::common::Status>(answer.status)), answer.info);
}

class Submission : public std::enable_shared_from_this<Submission> {
 public:
  Submission(std::chrono::milliseconds timeout, std::shared_ptr<const Bytes> envelope, std::string txid,
             Cancelled cancelled, Answered<Response> done)
      : timeout_(timeout),
        envelope_(std::move(envelope)),
        cancelled_(std::move(cancelled)),
        done_(std::move(done)),
        logger_(log::Logger("gateway").with("txID", escape(txid, 64))) {}

  // One acceptance is enough; `orderers` in the order in which to try them.
  void one_of(std::vector<std::shared_ptr<Orderer>> orderers) {
    orderers_ = std::move(orderers);
    try_next();
  }

  void quorum_of(std::vector<std::shared_ptr<Orderer>> orderers, size_t cluster_size) {
    orderers_ = std::move(orderers);
    quorum_ = bft_quorum(cluster_size);
    for (const auto& orderer : orderers_) {
      LOG_INFO(logger_, "Sending transaction to orderer endpoint={}", orderer->endpoint().log_address);
      cancelled_->add(orderer->broadcast(envelope_, timeout_, [self = shared_from_this(), orderer](OrdererAnswer answer) {
        self->counted(orderer->endpoint(), answer);
      }));
    }
  }

 private:
  void try_next() {
    if (next_ == orderers_.size()) {
      return done_(CallError{Code::kUnavailable, "no orderers could successfully process transaction",
                             std::move(details_)});
    }
    if (cancelled_->cancelled()) return expired();
    const auto orderer = orderers_[next_++];
    LOG_INFO(logger_, "Sending transaction to orderer endpoint={}", orderer->endpoint().log_address);
    cancelled_->add(orderer->broadcast(envelope_, timeout_, [self = shared_from_this(), orderer](OrdererAnswer answer) {
      self->answered(orderer->endpoint(), answer);
    }));
  }

  void answered(const OrdererEndpoint& endpoint, const OrdererAnswer& answer) {
    if (answer.failed && cancelled_->cancelled()) return expired();
    if (answer.failed) {
      LOG_WARN(logger_, "Error sending transaction to orderer endpoint={} err={}", endpoint.log_address, answer.error);
      details_.push_back(error_detail(endpoint, answer.error));
      return try_next();
    }
    if (answer.status == ::common::SUCCESS) return done_(Response());
    warn_unsuccessful(endpoint, answer);
    // Another orderer would find the client as much at fault.
    if (answer.status >= 400 && answer.status < 500) return done_(CallError{Code::kAborted, unsuccessful(answer), {}});
    try_next();
  }

  void counted(const OrdererEndpoint& endpoint, const OrdererAnswer& answer) {
    std::unique_lock lock(mutex_);
    bool accepted = !answer.failed && answer.status == ::common::SUCCESS;
    if (answer.failed && cancelled_->cancelled()) {
      if (std::exchange(over_, true)) return;
      lock.unlock();
      return expired();
    }
    if (answer.failed) {
      LOG_WARN(logger_, "Error sending transaction to orderer endpoint={} err={}", endpoint.log_address, answer.error);
      details_.push_back(error_detail(endpoint, answer.error));
    } else if (accepted) {
      LOG_INFO(logger_, "Successful response from orderer endpoint={}", endpoint.log_address);
    } else {
      warn_unsuccessful(endpoint, answer);
      // It has the transaction already: from another orderer.
      accepted = answer.status == ::common::SERVICE_UNAVAILABLE &&
                 answer.info == "failed to submit request: request already exists";
      if (!accepted) details_.push_back(error_detail(endpoint, unsuccessful(answer)));
    }
    ++(accepted ? successes_ : failures_);
    if (over_) return;
    if (successes_ >= quorum_) {
      over_ = true;
      lock.unlock();
      return done_(Response());
    }
    const size_t total = orderers_.size();
    if (failures_ + quorum_ <= total && successes_ + failures_ < total) return;
    over_ = true;
    LOG_WARN(logger_, "Insufficient number of orderers could successfully process transaction to satisfy quorum "
                      "requirement successes={} quorum={}", successes_, quorum_);
    auto details = std::move(details_);
    lock.unlock();
    done_(CallError{Code::kUnavailable, "insufficient number of orderers could successfully process transaction to satisfy "
                                        "quorum requirement", std::move(details)});
  }

  void expired() {
    LOG_WARN(logger_, "Submit call timed out while broadcasting to ordering service");
    done_(CallError{Code::kDeadlineExceeded, "submit timeout expired while broadcasting to ordering service", {}});
  }

  void warn_unsuccessful(const OrdererEndpoint& endpoint, const OrdererAnswer& answer) const {
    LOG_WARN(logger_, "Unsuccessful response sending transaction to orderer endpoint={} status={} info={}",
             endpoint.log_address, ::common::Status_Name(static_cast<::common::Status>(answer.status)),
             escape(answer.info, 300));
  }

  const std::chrono::milliseconds timeout_;
  const std::shared_ptr<const Bytes> envelope_;
  const Cancelled cancelled_;
  const Answered<Response> done_;
  const log::Logger logger_;
  std::vector<std::shared_ptr<Orderer>> orderers_;
  size_t next_ = 0;
  std::mutex mutex_;  // quorum_of()
  size_t quorum_ = 1, successes_ = 0, failures_ = 0;
  bool over_ = false;
  std::vector<::gateway::ErrorDetail> details_;
};

}  // namespace

bool OrdererEndpoint::operator==(const OrdererEndpoint& other) const {
  if (address != other.address || dial != other.dial || mspid != other.mspid || roots.size() != other.roots.size())
    return false;
  for (size_t i = 0; i < roots.size(); ++i)
    if (roots[i].certificate.der() != other.roots[i].certificate.der()) return false;
  return true;
}

std::vector<OrdererEndpoint> orderer_endpoints(const channel::Bundle& bundle,
                                               const std::vector<OrdererOverride>& overrides) {
  std::vector<OrdererEndpoint> endpoints;
  if (bundle.orderer() == nullptr) return endpoints;
  const auto roots_of = [&](const std::string& mspid) {
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
  };
  const auto add = [&](const std::string& address, const std::string& mspid) {
    OrdererEndpoint endpoint{address, address, address, mspid, {}};
    endpoint.roots = roots_of(mspid);
    for (const auto& one : overrides) {
      if (one.from != address) continue;
      endpoint.dial = one.to;
      endpoint.log_address = fmt::format("{} (mapped from {})", one.to, address);
      endpoint.roots = one.roots;
    }
    endpoints.push_back(std::move(endpoint));
  };
  for (const auto& [name, org] : bundle.orderer()->orgs)
    for (const auto& address : org.endpoints) add(address, org.mspid());
  if (!endpoints.empty()) return endpoints;
  for (const auto& [name, org] : bundle.orderer()->orgs)
    for (const auto& address : bundle.global_orderer_addresses()) add(address, org.mspid());
  return endpoints;
}

size_t bft_quorum(size_t n) {
  if (n == 0) return 1;
  const size_t faulty = (n - 1) / 3;
  return (n + faulty + 2) / 2;  // the half of n + f + 1, rounded up
}

void submit(const SubmitParts& parts, ::gateway::SubmitRequest request, Cancelled cancelled, Answered<Response> done) {
  if (!request.has_prepared_transaction())
    return done(CallError{Code::kInvalidArgument, "a prepared transaction is required", {}});
  if (request.prepared_transaction().signature().empty())
    return done(CallError{Code::kInvalidArgument, "prepared transaction must be signed", {}});
  const std::string& channel = request.channel_id();
  const auto bundle = parts.network.bundle(channel);
  if (!bundle) {
    return done(CallError{Code::kFailedPrecondition, fmt::format("failed to get config for channel [{}]: could not get last "
                                                                 "config for channel {}", channel, channel), {}});
  }
  if (bundle->orderer() == nullptr) {
    return done(CallError{Code::kNotFound, fmt::format("failed to create block deliverer for channel `{}`, missing "
                                                       "OrdererConfig", channel), {}});
  }
  const auto endpoints = orderer_endpoints(*bundle, parts.overrides);
  auto orderers = parts.orderers.use(channel, endpoints);
  if (orderers.empty()) return done(CallError{Code::kUnavailable, "no orderer nodes available", {}});
  auto submission = std::make_shared<Submission>(
      parts.broadcast_timeout, std::make_shared<const Bytes>(wire::marshal(request.prepared_transaction())),
      request.transaction_id(), std::move(cancelled), std::move(done));
  if (bundle->orderer()->consensus_type == "BFT") return submission->quorum_of(std::move(orderers), endpoints.size());
  for (size_t i = orderers.size(); i > 1; --i) std::swap(orderers[i - 1], orderers[parts.random.below(i)]);
  submission->one_of(std::move(orderers));
}

}  // namespace selvage::gateway
