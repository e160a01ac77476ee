// Evaluate and Endorse: asks endorsers, tries others in place of those that fail, and puts the transaction together.
//
// No thread waits for another peer: answers go on with the call on whatever thread they come. `done` runs once, also for a
// call that is cancelled: what other peers were asked is cancelled then, and nobody is asked any more.
// Fabric quirk: internal/pkg/gateway/{evaluate,endorse}.go; codes, texts and their order are Fabric's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <variant>

#include "gateway/answers.h"
#include "gateway/cancellation.h"
#include "gateway/gateway.pb.h"
#include "gateway/planner.h"

namespace selvage::gateway {

struct CallParts {
  const Planner& planner;  // outlives all calls
  std::chrono::milliseconds endorsement_timeout;  // of each endorser
};
using Cancelled = std::shared_ptr<Cancellation>;  // never null
template <class Response>
using Answered = std::function<void(std::variant<Response, CallError> answer)>;

void evaluate(const CallParts& parts, ::gateway::EvaluateRequest request, Cancelled cancelled,
              Answered<::gateway::EvaluateResponse> done);
void endorse(const CallParts& parts, ::gateway::EndorseRequest request, Cancelled cancelled,
             Answered<::gateway::EndorseResponse> done);

}  // namespace selvage::gateway
