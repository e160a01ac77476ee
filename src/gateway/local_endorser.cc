#include "gateway/local_endorser.h"

namespace selvage::gateway {
namespace {

class LocalEndorser final : public Endorser, public std::enable_shared_from_this<LocalEndorser> {
 public:
  explicit LocalEndorser(LocalEndorserParts parts) : parts_(std::move(parts)) {}
  [[nodiscard]] const Member& member() const override { return parts_.member; }
  [[nodiscard]] bool is_local() const override { return true; }
  // Chaincode that executes is not stopped: it ends by its own timeout.
  std::function<void()> process(std::shared_ptr<const ::protos::SignedProposal> proposal, std::chrono::milliseconds,
                                Done done) override {
    parts_.post([self = shared_from_this(), proposal = std::move(proposal), done = std::move(done)]() mutable {
      self->parts_.process(*proposal, std::move(done));
    });
    return {};
  }

 private:
  const LocalEndorserParts parts_;
};

}  // namespace

EndorserPtr make_local_endorser(LocalEndorserParts parts) { return std::make_shared<LocalEndorser>(std::move(parts)); }

}  // namespace selvage::gateway
