#include "gateway/endorse.h"

#include <mutex>
#include <optional>

#include "base/log.h"
#include "gateway/difference.h"
#include "gateway/proposed.h"

namespace selvage::gateway {
namespace {

using Response = ::gateway::EndorseResponse;
using ::protos::ChaincodeInterest;

class Endorsing : public std::enable_shared_from_this<Endorsing> {
 public:
  Endorsing(const CallParts& parts, Cancelled cancelled, Answered<Response> done)
      : parts_(parts), cancelled_(std::move(cancelled)), done_(std::move(done)) {}

  void start(::gateway::EndorseRequest request) {
    if (request.proposed_transaction().proposal_bytes().empty())
      return end({Code::kInvalidArgument, "the proposed transaction must contain a signed proposal", {}});
    auto proposed = read_proposed(request.proposed_transaction());
    if (!proposed) return end({Code::kInvalidArgument, proposed.error().message, {}});
    proposed_ = std::move(*proposed);
    logger_ = logger_.with("channel", escape(proposed_.channel, 100))
                  .with("chaincode", escape(proposed_.chaincode, 100))
                  .with("txID", escape(request.transaction_id(), 64));
    proposal_ = std::make_shared<const ::protos::SignedProposal>(std::move(*request.mutable_proposed_transaction()));
    if (request.endorsing_organizations().empty()) return choose_first();
    // The client answers for the policy.
    auto plan = parts_.planner.for_orgs(proposed_.channel, proposed_.chaincode,
                                        {request.endorsing_organizations().begin(), request.endorsing_organizations().end()});
    if (!plan) return end({Code::kUnavailable, plan.error().message, {}});
    plan_.emplace(std::move(*plan));
    run_layout();
  }

 private:
  // One endorser, ours if possible: its answer says what the transaction touches, and so who else is needed.
  void choose_first() {
    auto plan = parts_.planner.for_orgs(proposed_.channel, proposed_.chaincode, {parts_.planner.local_mspid()});
    if (!plan) {
      if (proposed_.has_transient) {
        return end({Code::kFailedPrecondition, "no endorsers found in the gateway's organization; retry specifying "
                                               "endorsing organization(s) to protect transient data", {}});
      }
      plan = parts_.planner.for_interest(proposed_.channel, default_interest(), nullptr);
      if (!plan) return end({Code::kFailedPrecondition, plan.error().message, {}});
    }
    plan_.emplace(std::move(*plan));
    const auto endorsers = plan_->next_layout();
    if (endorsers.empty())
      return end({Code::kAborted, "failed to endorse transaction, see attached details for more info", {}});
    ask_first(endorsers.front());
  }

  void ask_first(const EndorserPtr& endorser) {
    if (cancelled_->cancelled()) return first_expired();
    LOG_DEBUG(logger_, "Sending to first endorser: MSPID={} endpoint={}", endorser->member().mspid,
              endorser->member().endpoint);
    cancelled_->add(endorser->process(proposal_, parts_.endorsement_timeout,
                                      [self = shared_from_this(), endorser](EndorserAnswer answer) {
                                        self->first_answered(endorser, std::move(answer));
                                      }));
  }

  void first_answered(const EndorserPtr& endorser, EndorserAnswer answer) {
    if (cancelled_->cancelled()) return first_expired();
    const Verdict verdict = judge(answer);
    if (!verdict.ok()) {
      note_failure(*endorser, verdict);
      EndorserPtr next = plan_->replacement(*endorser);
      if (next) return ask_first(next);
      return end({Code::kAborted, "failed to endorse transaction, see attached details for more info",
                  std::move(details_)});
    }
    details_.clear();
    if (!make_plan(*endorser, answer.response.interest())) return;
    plan_->add(*endorser, answer.response);
    if (plan_->complete()) return finish();
    run_layout();
  }

  // The plan for what the first endorsement touched. With transient data discovery is told that collections are read, so
  // that only peers that may have them get the proposal.
  bool make_plan(const Endorser& first, const ChaincodeInterest& touched) {
    const ChaincodeInterest original = touched.chaincodes().empty() ? default_interest() : touched;
    ChaincodeInterest interest = original;
    std::vector<std::string> guarded;
    if (proposed_.has_transient) {
      for (auto& call : *interest.mutable_chaincodes()) {
        if (!call.no_private_reads()) continue;
        call.set_no_private_reads(false);
        guarded.insert(guarded.end(), call.collection_names().begin(), call.collection_names().end());
      }
    }
    auto plan = parts_.planner.for_interest(proposed_.channel, interest, &first);
    if (!plan) {
      std::string text = plan.error().message;
      if (!guarded.empty() && parts_.planner.for_interest(proposed_.channel, original, &first)) {
        text = "requires endorsement from organisation(s) that are not in the distribution policy of the private data "
               "collection(s): " + go_list(guarded) + "; retry specifying trusted endorsing organizations to protect "
               "transient data";
      }
      end({Code::kFailedPrecondition, std::move(text), {}});
      return false;
    }
    plan_.emplace(std::move(*plan));
    return true;
  }

  ChaincodeInterest default_interest() const {
    ChaincodeInterest interest;
    interest.add_chaincodes()->set_name(proposed_.chaincode);
    return interest;
  }

  // Asks all endorsers of the next layout at the same time.
  void run_layout() {
    std::vector<EndorserPtr> endorsers;
    {
      std::lock_guard lock(mutex_);
      endorsers = plan_->next_layout();
      pending_ = endorsers.size();
      used_up_.clear();
    }
    if (endorsers.empty()) {
      return end({Code::kAborted, "failed to collect enough transaction endorsements, see attached details for more info",
                  std::move(details_)});
    }
    for (const auto& endorser : endorsers) ask(endorser);
  }

  void ask(const EndorserPtr& endorser) {
    if (cancelled_->cancelled()) return answered(endorser, {});
    LOG_DEBUG(logger_, "Sending to endorser: MSPID={} endpoint={}", endorser->member().mspid, endorser->member().endpoint);
    cancelled_->add(endorser->process(proposal_, parts_.endorsement_timeout,
                                      [self = shared_from_this(), endorser](EndorserAnswer answer) {
                                        self->answered(endorser, std::move(answer));
                                      }));
  }

  void answered(const EndorserPtr& endorser, EndorserAnswer answer) {
    const Verdict verdict = judge(answer);
    std::unique_lock lock(mutex_);
    // What failed now did so because we ended it: no peer is to blame.
    if (cancelled_->cancelled()) {
      const bool last = --pending_ == 0;
      lock.unlock();
      if (last) expired();
      return;
    }
    bool good = verdict.ok();
    if (!good) {
      note_failure(*endorser, verdict);
    } else if (!plan_->add(*endorser, answer.response)) {
      good = false;
      LOG_WARN(logger_, "ProposalResponsePayloads do not match. See [gateway.responsechecker] log warnings for details.");
      log_difference(plan_->initial_endorser(), endorser->member(), plan_->response_payload(), answer.response.payload());
      details_.push_back(error_detail(endorser->member(), "ProposalResponsePayloads do not match"));
    }
    if (!good) {
      if (EndorserPtr next = plan_->replacement(*endorser)) {
        lock.unlock();
        return ask(next);
      }
    }
    if (!good) used_up_.push_back(plan_->group(*endorser));
    if (--pending_ > 0) return;
    plan_->abandon(used_up_);
    const bool complete = plan_->complete();
    lock.unlock();
    if (complete) return finish();
    if (cancelled_->cancelled()) return expired();
    run_layout();
  }

  void note_failure(const Endorser& endorser, const Verdict& verdict) {
    LOG_WARN(logger_, "Endorse call to endorser failed MSPID={} endpoint={} error={}", endorser.member().mspid,
             endorser.member().endpoint, escape(verdict.message, 500));
    if (verdict.remove) parts_.planner.endorsers().drop(endorser);
    details_.push_back(error_detail(endorser.member(), verdict.message));
  }

  void finish() {
    auto envelope = prepare_transaction(proposed_, plan_->response_payload(), plan_->endorsements());
    if (!envelope) return end({Code::kAborted, "failed to assemble transaction: " + envelope.error().message, {}});
    Response response;
    *response.mutable_prepared_transaction() = std::move(*envelope);
    done_(std::move(response));
  }
  void first_expired() {
    LOG_WARN(logger_, "Endorse call timed out while collecting first endorsement");
    end({Code::kDeadlineExceeded, "endorsement timeout expired while collecting first endorsement", {}});
  }
  void expired() {
    LOG_WARN(logger_, "Endorse call timed out while collecting endorsements");
    end({Code::kDeadlineExceeded, "endorsement timeout expired while collecting endorsements", {}});
  }
  void end(CallError error) { done_(std::move(error)); }

  const CallParts parts_;
  const Cancelled cancelled_;
  const Answered<Response> done_;
  log::Logger logger_{"gateway"};
  Proposed proposed_;
  std::shared_ptr<const ::protos::SignedProposal> proposal_;
  std::mutex mutex_;  // while a layout runs
  std::optional<Plan> plan_;
  std::vector<::gateway::ErrorDetail> details_;
  size_t pending_ = 0;
  std::vector<std::string> used_up_;
};

}  // namespace

void endorse(const CallParts& parts, ::gateway::EndorseRequest request, Cancelled cancelled, Answered<Response> done) {
  std::make_shared<Endorsing>(parts, std::move(cancelled), std::move(done))->start(std::move(request));
}

}  // namespace selvage::gateway
