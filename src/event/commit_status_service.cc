#include "event/commit_status_service.h"

#include <mutex>

#include "event/chaincode_events.h"
#include "ledger/ledger.h"
#include "policy/acl.h"
#include "rpc/server.h"

namespace selvage::event {
namespace {

using Parts = EventService::Parts;

// One call. Ends when the transaction is committed, the notifier stops or the client goes. Owned by the call, as its notice
// of being cancelled: it lives until the call is over.
class StatusCall : public std::enable_shared_from_this<StatusCall> {
 public:
  StatusCall(std::shared_ptr<const Parts> parts, std::shared_ptr<rpc::ServerCall> call)
      : parts_(std::move(parts)), call_(std::move(call)) {}

  // On a pool thread.
  void start(const Bytes& bytes) {
    const auto read = read_commit_request(bytes);
    if (!read) return call_->finish(rpc::Status(read.error()));
    const auto& request = read->request;
    const policy::SignedData signed_data{read->outer.request(), request.identity(), read->outer.signature()};
    if (auto allowed = parts_->access(policy::resource::kGatewayCommitStatus, request.channel_id(), signed_data);
        !allowed) {
      return call_->finish({Code::kPermissionDenied, allowed.error().message});
    }
    const auto channel = parts_->channels.find(request.channel_id());
    if (!channel) return call_->finish({Code::kAborted, "channel does not exist: " + request.channel_id()});
    // First watch, then look: no commit in between is missed.
    auto watch = parts_->commits.watch(request.channel_id(), request.transaction_id(),
                                       [weak = weak_from_this()](const std::optional<TransactionStatus>& status) {
                                         if (auto self = weak.lock()) self->told(status);
                                       });
    auto place = channel->ledger().find_transaction(request.transaction_id());
    if (!place) return call_->finish({Code::kAborted, place.error().message});
    if (*place) return answer({(*place)->block, (*place)->code});
    std::lock_guard lock(mutex_);
    if (!over_) watch_ = std::move(watch);
  }

  void cancel() {
    std::unique_ptr<CommitNotifier::Watch> watch;
    std::lock_guard lock(mutex_);
    over_ = true;
    watch = std::move(watch_);
  }

 private:
  void told(const std::optional<TransactionStatus>& status) {
    if (!status) return call_->finish({Code::kAborted, "unexpected close of commit notification channel"});
    answer(*status);
  }
  void answer(const TransactionStatus& status) {
    ::gateway::CommitStatusResponse response;
    response.set_result(static_cast<::protos::TxValidationCode>(status.code));
    response.set_block_number(status.block);
    call_->reply(response.SerializeAsString());
  }

  const std::shared_ptr<const Parts> parts_;
  const std::shared_ptr<rpc::ServerCall> call_;
  std::mutex mutex_;
  bool over_ = false;
  std::unique_ptr<CommitNotifier::Watch> watch_;
};

}  // namespace

void add_commit_status(rpc::Server& server, const EventService::Parts& parts) {
  server.add_unary(
      "/gateway.Gateway/CommitStatus",
      [shared = std::make_shared<const Parts>(parts)](std::shared_ptr<rpc::ServerCall> call, Bytes request) {
        auto status = std::make_shared<StatusCall>(shared, call);
        call->on_cancelled([status] { status->cancel(); });
        shared->post([status, request = std::move(request)] { status->start(request); });
      },
      rpc::Run::kOnLoop);
}

}  // namespace selvage::event
