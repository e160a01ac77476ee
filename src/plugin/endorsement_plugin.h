// An endorsement plugin of a shared object, as endorse/ calls it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "plugin/call.h"
#include "plugin/plugin_abi.h"

namespace selvage::plugin {

// What a plugin may ask while it endorses; made by the caller for one call. Errors reach the client.
class EndorsementHost {
 public:
  virtual ~EndorsementHost() = default;
  [[nodiscard]] virtual Result<Bytes> sign(BytesView message) = 0;
  [[nodiscard]] virtual Result<std::vector<std::optional<Bytes>>> state(const std::string& chaincode,
                                                                        const std::vector<std::string>& keys) = 0;
  [[nodiscard]] virtual Result<std::vector<std::optional<Bytes>>> private_data(
      const std::string& chaincode, const std::string& collection, const std::vector<std::string>& keys) = 0;
  // rwset.TxPvtReadWriteSet each.
  [[nodiscard]] virtual Result<std::vector<Bytes>> transient(const std::string& txid) = 0;
};

struct EndorsementRequest {  // borrowed
  const std::string& channel;
  const std::string& txid;
  const std::string& chaincode;
  BytesView signed_proposal;
  BytesView payload;
  BytesView local_identity;
};

struct Endorsed {
  Bytes endorser;
  Bytes signature;
  std::optional<Bytes> payload;  // in place of the request's
};

class EndorsementPlugin {
 public:
  // Errors as of load_function(), and kInvalidArgument for a table of another version.
  [[nodiscard]] static Result<std::shared_ptr<EndorsementPlugin>> load(const std::string& path);
  explicit EndorsementPlugin(const selvage_endorsement_plugin& table)
      : table_(table), instances_(table.open, table.close) {}

  // The instance of a channel is there or can be made. Errors with the plugin's words.
  [[nodiscard]] Status open(const std::string& channel);
  // Errors: kUnknown with the plugin's words. Any thread.
  [[nodiscard]] Result<Endorsed> endorse(const EndorsementRequest& request, EndorsementHost& host);

 private:
  const selvage_endorsement_plugin& table_;
  Instances instances_;
};

}  // namespace selvage::plugin
