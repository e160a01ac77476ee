#include "base/log.h"
#include "channel/bundle.h"
#include "gateway/endorse.h"
#include "gateway/proposed.h"

namespace selvage::gateway {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gateway");
  return instance;
}

using Response = ::gateway::EvaluateResponse;

class Evaluation : public std::enable_shared_from_this<Evaluation> {
 public:
  Evaluation(const CallParts& parts, Cancelled cancelled, Answered<Response> done)
      : parts_(parts), cancelled_(std::move(cancelled)), done_(std::move(done)) {}

  void start(::gateway::EvaluateRequest request) {
    auto proposed = read_query(request.proposed_transaction());
    if (!proposed) {
      return fail_with({Code::kInvalidArgument,
                        "failed to unpack transaction proposal: " + proposed.error().message, {}});
    }
    channel_ = std::move(proposed->channel);
    chaincode_ = std::move(proposed->chaincode);
    txid_ = request.transaction_id();
    if (!parts_.planner.network().bundle(channel_)) {
      return fail_with({Code::kUnavailable, "failed to get config for channel [" + channel_ +
                                                "]: could not get last config for channel " + channel_, {}});
    }
    std::vector<std::string> mspids(request.target_organizations().begin(), request.target_organizations().end());
    // Transient data must not reach peers that the client has not named.
    const bool protect = proposed->has_transient && mspids.empty();
    if (protect) mspids.push_back(parts_.planner.local_mspid());
    auto endorsers = parts_.planner.for_query(channel_, chaincode_, mspids);
    if (!endorsers) {
      std::string text = endorsers.error().message;
      if (protect) {
        text = "no endorsers found in the gateway's organization; retry specifying target organization(s) to protect "
               "transient data: " + text;
      }
      return fail_with({Code::kFailedPrecondition, std::move(text), {}});
    }
    endorsers_ = std::move(*endorsers);
    proposal_ = std::make_shared<const ::protos::SignedProposal>(std::move(*request.mutable_proposed_transaction()));
    ask();
  }

 private:
  void ask() {
    if (cancelled_->cancelled()) return expired();
    const auto& member = endorsers_[next_]->member();
    LOG_DEBUG(logger(), "Sending to peer: channel={} chaincode={} txID={} MSPID={} endpoint={}", escape(channel_, 100),
              escape(chaincode_, 100), escape(txid_, 64), member.mspid, member.endpoint);
    // `endorsers_` and `next_` are the next answer's from here on.
    cancelled_->add(endorsers_[next_]->process(
        proposal_, parts_.endorsement_timeout, [self = shared_from_this()](EndorserAnswer answer) { self->answered(std::move(answer)); }));
  }

  void answered(EndorserAnswer answer) {
    if (cancelled_->cancelled()) return expired();
    const Endorser& endorser = *endorsers_[next_];
    const Verdict verdict = judge(answer);
    if (verdict.ok()) return succeed(std::move(answer.response), endorser.member());
    LOG_DEBUG(logger(), "Evaluate call to endorser failed chaincode={} channel={} txID={} endorserAddress={} "
                        "endorserMspid={} error={}",
              escape(chaincode_, 100), escape(channel_, 100), escape(txid_, 64), endorser.member().endpoint,
              endorser.member().mspid, escape(verdict.message, 500));
    details_.push_back(error_detail(endorser.member(), verdict.message));
    if (verdict.remove) parts_.planner.endorsers().drop(endorser);
    if (!verdict.retry) {
      return fail_with({verdict.code, "evaluate call to endorser returned error: " + verdict.message, std::move(details_)});
    }
    if (++next_ == endorsers_.size()) {
      return fail_with({verdict.code, "failed to evaluate transaction, see attached details for more info",
                        std::move(details_)});
    }
    ask();
  }

  void succeed(::protos::ProposalResponse answer, const Member& member) {
    Response response;
    *response.mutable_result() = std::move(*answer.mutable_response());
    // The signed part has the transaction's result; the other payload need not be it.
    if (auto result = result_of(answer)) {
      response.mutable_result()->set_payload(std::move(*result));
    } else {
      LOG_WARN(logger(), "Successful proposal response contained no transaction result error={} chaincode={} channel={} "
                         "txID={} endorserAddress={} endorserMspid={}",
               result.error().message, escape(chaincode_, 100), escape(channel_, 100), escape(txid_, 64), member.endpoint,
               member.mspid);
    }
    done_(std::move(response));
  }

  void expired() {
    LOG_WARN(logger(), "Evaluate call timed out while processing request channel={} txID={}", escape(channel_, 100),
             escape(txid_, 64));
    fail_with({Code::kDeadlineExceeded, "evaluate timeout expired", {}});
  }
  void fail_with(CallError error) { done_(std::move(error)); }

  const CallParts parts_;
  const Cancelled cancelled_;
  const Answered<Response> done_;
  std::string channel_, chaincode_, txid_;
  std::shared_ptr<const ::protos::SignedProposal> proposal_;
  std::vector<EndorserPtr> endorsers_;
  size_t next_ = 0;
  std::vector<::gateway::ErrorDetail> details_;
};

}  // namespace

void evaluate(const CallParts& parts, ::gateway::EvaluateRequest request, Cancelled cancelled, Answered<Response> done) {
  std::make_shared<Evaluation>(parts, std::move(cancelled), std::move(done))->start(std::move(request));
}

}  // namespace selvage::gateway
