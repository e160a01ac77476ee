// What endorsers answer, as the gateway and the C++ client take it. The input: parts, each a byte and a
// ProposalResponse; the byte says of which of three organisations the endorser is, and whether the answer gets the
// payload of the first one. What enough of them agree on becomes a transaction in which the client finds the same
// result.
#include <set>

#include "base/utf8.h"
#include "client/gateway/gateway_client.h"
#include "gateway/answers.h"
#include "gateway/plan.h"
#include "gateway/proposed.h"
#include "input.h"
#include "kit/random.h"
#include "peer/proposal_response.pb.h"
#include "peer/transaction.pb.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/proposal.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
namespace peer_gateway = selvage::gateway;  // not of the messages
using fuzz::expect;
using fuzz::must;

class Peer final : public peer_gateway::Endorser {
 public:
  Peer(const std::string& org, int number) {
    member_.mspid = org;
    member_.pki_id = org + std::to_string(number);
    member_.endpoint = member_.pki_id + ":7051";
  }
  const peer_gateway::Member& member() const override { return member_; }
  std::function<void()> process(std::shared_ptr<const ::protos::SignedProposal>, std::chrono::milliseconds,
                                Done) override {
    std::abort();
  }

 private:
  peer_gateway::Member member_;
};

struct Answered {
  std::shared_ptr<Peer> peer;
  peer_gateway::EndorserAnswer answer;
};

std::vector<Answered> read_answers(BytesView rest) {
  std::vector<Answered> out;
  BytesView part;
  while (fuzz::take_part(rest, part) && !part.empty()) {
    const auto how = static_cast<uint8_t>(part[0]);
    Answered one;
    if ((how & 16) != 0) {
      one.answer.failed = true;
      one.answer.code = static_cast<Code>(how & 15);
      one.answer.error = Bytes(part.substr(1));
      one.answer.refused = (how & 32) != 0;
    } else if (!wire::parse_into(part.substr(1), one.answer.response)) {
      continue;
    }
    if ((how & 4) != 0 && !out.empty()) one.answer.response.set_payload(out[0].answer.response.payload());
    one.peer =
        std::make_shared<Peer>(std::string(1, static_cast<char>('A' + (how & 3) % 3)), static_cast<int>(out.size()));
    out.push_back(std::move(one));
  }
  return out;
}

// Two of three organisations, any two peers of the first, or all three.
peer_gateway::Plan make_plan(const std::vector<Answered>& answers) {
  std::vector<peer_gateway::Plan::Layout> layouts;
  for (const auto& required : {std::map<std::string, int>{{"A", 1}, {"B", 1}},
                               {{"B", 1}, {"C", 1}},
                               {{"A", 2}},
                               {{"A", 1}, {"B", 1}, {"C", 1}}}) {
    layouts.push_back({required, {}, false});
  }
  peer_gateway::Plan::Groups groups;
  for (const Answered& one : answers) groups[one.peer->member().mspid].push_back(one.peer);
  return {std::move(layouts), std::move(groups)};
}

void check_transaction(const peer_gateway::Plan& plan, const peer_gateway::Proposed& proposed,
                       const ::protos::ProposalResponse& response) {
  const auto endorsements = plan.endorsements();
  expect(!endorsements.empty() && endorsements.size() <= 3);
  const auto envelope = peer_gateway::prepare_transaction(proposed, plan.response_payload(), endorsements);
  expect(envelope.has_value());
  ::gateway::PreparedTransaction prepared;
  *prepared.mutable_envelope() = *envelope;
  const client::Transaction transaction(nullptr, "ch", prepared);
  ::gateway::PreparedTransaction same;
  expect(wire::parse_into(transaction.bytes(), same).has_value());
  const auto found = transaction.result(), given = peer_gateway::result_of(response);
  expect(found.has_value() == given.has_value() && (!found || *found == *given));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static const peer_gateway::Proposed proposed = [] {
    test::SeededRandom random(1);
    const auto made = wire::make_proposal("ch", wire::make_call("cc", {}), "creator", SystemTime(), random);
    ::protos::SignedProposal one;
    one.set_proposal_bytes(wire::marshal(made.proposal));
    return must(peer_gateway::read_proposed(one));
  }();
  const std::vector<Answered> answers = read_answers(fuzz::view_of(bytes, size));
  peer_gateway::Plan plan = make_plan(answers);
  std::vector<::protos::ProposalResponse> responses;
  std::set<const peer_gateway::Endorser*> asked;
  bool planned = false;
  for (const Answered& one : answers) {
    if (!planned) {
      for (const auto& endorser : plan.next_layout()) expect(asked.insert(endorser.get()).second);
      planned = true;
    }
    // Answers come of peers that were asked, and of the first one, which is asked before there is a plan.
    if (&one != &answers.front() && !asked.contains(one.peer.get())) continue;
    const peer_gateway::Verdict verdict = peer_gateway::judge(one.answer);
    expect(verdict.ok() || !one.answer.failed || !verdict.message.empty() || one.answer.error.empty());
    const auto detail = peer_gateway::error_detail(one.peer->member(), verdict.message);
    expect(is_utf8(detail.message()));
    if (one.answer.failed || !verdict.ok()) {
      if (!asked.contains(one.peer.get())) continue;
      if (const auto other = plan.replacement(*one.peer)) {
        expect(asked.insert(other.get()).second && other->member().mspid == one.peer->member().mspid);
      } else {
        plan.abandon({plan.group(*one.peer)});
        planned = false;
      }
      continue;
    }
    responses.push_back(one.answer.response);
    const bool agrees = plan.add(*one.peer, one.answer.response);
    expect(agrees == (plan.response_payload() == one.answer.response.payload()));
    if (plan.complete() && agrees) {
      check_transaction(plan, proposed, one.answer.response);
      break;
    }
  }
  // The command line's and old clients' way.
  ::protos::Proposal proposal;
  proposal.set_header(wire::marshal(proposed.header));
  proposal.set_payload(proposed.payload);
  if (const auto payload = wire::make_transaction_payload(proposal, responses)) {
    ::protos::Transaction transaction;
    expect(wire::parse_into(payload->data(), transaction).has_value() && transaction.actions_size() == 1);
  }
  return 0;
}
