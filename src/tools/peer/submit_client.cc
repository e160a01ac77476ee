#include "tools/peer/submit_client.h"

namespace selvage::tools::peer {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("chaincodeCmd");
  return logger;
}

void tell(const std::string& transaction_id, const std::string& address, ::protos::TxValidationCode code) {
  LOG_INFO(logger(), "txid [{}] committed with status ({}) at {}", transaction_id,
           ::protos::TxValidationCode_Name(code), address);
}

tl::unexpected<Error> with_suffix(Error error, const std::string& suffix) {
  error.message += suffix;
  return fail(std::move(error));
}

}  // namespace

Status submit(Session& session, const std::vector<client::EndorserClient>& endorsers,
              client::BroadcastClient& broadcast, const Submission& submission) {
  const std::string& transaction_id = submission.proposed->made.transaction_id;
  auto envelope = wire::make_transaction(submission.proposed->made.proposal, session.signer(), submission.responses);
  if (!envelope) return with_suffix(envelope.error().within(submission.assemble_error), submission.send_suffix);
  client::CommitClient commit = session.commit(submission.channel_id, transaction_id);
  if (submission.wait) {
    std::vector<client::CommitPeer> peers;
    for (const auto& endorser : endorsers) peers.push_back({endorser.channel(), endorser.address()});
    if (auto ready = commit.connect(peers, *submission.wait); !ready) return with_suffix(ready.error(), submission.wait_suffix);
  }
  if (auto sent = broadcast.send(*envelope); !sent)
    return with_suffix(sent.error().within(submission.send_error), submission.send_suffix);
  if (!submission.wait) return {};
  auto done = commit.wait(*submission.wait, [&](const std::string& address, ::protos::TxValidationCode code) {
    tell(transaction_id, address, code);
  });
  if (!done) return with_suffix(done.error(), submission.wait_suffix);
  return {};
}

}  // namespace selvage::tools::peer
