// Whom to ask for one transaction's endorsements, and which layouts are still possible as answers come in.
//
// Pure but for the log. One thread at a time (an endorsement call holds its lock).
// Fabric quirk: internal/pkg/gateway/endorsement.go; each endorser is in one group only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "gateway/network.h"

namespace selvage::gateway {

class Plan {
 public:
  struct Layout {
    std::map<std::string, int> required;  // group -> endorsements that are still missing
    std::vector<::protos::Endorsement> endorsements;
    bool abandoned = false;
  };
  using Groups = std::map<std::string, std::vector<EndorserPtr>>;

  Plan(std::vector<Layout> layouts, Groups groups);

  // The endorsers of the next layout that is possible, taken out of their groups; empty: there is none.
  [[nodiscard]] std::vector<EndorserPtr> next_layout();

  // Counts an endorsement in all layouts that need its group. False when its payload differs from the first one's.
  bool add(const Endorser& endorser, const ::protos::ProposalResponse& response);
  // Another endorser of the same group in place of one that failed; null: there is none, and group() is used up.
  [[nodiscard]] EndorserPtr replacement(const Endorser& endorser);
  [[nodiscard]] std::string group(const Endorser& endorser) const;
  // Gives up layouts that need any of these groups ("" is none), and goes on behind the current one.
  void abandon(const std::vector<std::string>& groups);

  [[nodiscard]] bool complete() const { return completed_.has_value(); }
  // Of the completed layout, each endorser once.
  [[nodiscard]] std::vector<::protos::Endorsement> endorsements() const;
  // What all endorsers agree on.
  [[nodiscard]] const Bytes& response_payload() const { return payload_; }
  // Who gave it: "address (mspid)".
  [[nodiscard]] const std::string& initial_endorser() const { return initial_; }

 private:
  std::vector<Layout> layouts_;
  Groups groups_;
  std::map<Bytes, std::string> group_of_;  // by PKI-id
  size_t next_ = 0;
  std::optional<size_t> completed_;
  bool has_payload_ = false;
  Bytes payload_;
  std::string initial_;
};

}  // namespace selvage::gateway
