// A validation plugin of a shared object, as validate/ calls it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "plugin/call.h"
#include "plugin/plugin_abi.h"

namespace selvage::plugin {

struct Signed {  // borrowed
  BytesView data, identity, signature;
};

// Of a judgement: ok, a refusal (kPermissionDenied), or no judgement (any other code).
inline constexpr Code kRefused = Code::kPermissionDenied;

// What a plugin may ask while it judges; made by the caller for one call. State is that of the block before.
class ValidationHost {
 public:
  virtual ~ValidationHost() = default;
  [[nodiscard]] virtual Result<std::vector<std::optional<Bytes>>> state(const std::string& chaincode,
                                                                        const std::vector<std::string>& keys) = 0;
  // Until `visit` says false.
  [[nodiscard]] virtual Status scan(const std::string& chaincode, const std::string& start, const std::string& end,
                                    const std::function<bool(BytesView key, BytesView value)>& visit) = 0;
  // `collection` empty: public state, and `key` is the key; else the key's hash.
  [[nodiscard]] virtual Result<std::map<std::string, Bytes>> metadata(const std::string& chaincode,
                                                                      const std::string& collection,
                                                                      const std::string& key) = 0;
  // Judgements.
  [[nodiscard]] virtual Status check_identity(BytesView identity) = 0;
  [[nodiscard]] virtual Status check_principal(BytesView identity, BytesView principal) = 0;
  [[nodiscard]] virtual Status check_signature(BytesView identity, BytesView message, BytesView signature) = 0;
  [[nodiscard]] virtual Status check_policy(BytesView application_policy, const std::vector<Signed>& signatures) = 0;
  [[nodiscard]] virtual Status check_by_default() = 0;

  struct Description {
    std::string mspid, id;
  };
  [[nodiscard]] virtual Result<Description> describe(BytesView identity) = 0;
  [[nodiscard]] virtual Result<Bytes> collection_policy(const std::string& chaincode,
                                                        const std::string& collection) = 0;
  [[nodiscard]] virtual bool has_capability(const std::string& name) = 0;
};

struct ValidationRequest {  // borrowed
  const std::string& channel;
  BytesView block;
  uint64_t block_number = 0;
  uint32_t transaction = 0;
  BytesView envelope;
  const std::string& txid;
  const std::string& chaincode;
  BytesView policy;
};

class ValidationPlugin {
 public:
  // Errors as of load_function(), and kInvalidArgument for a table of another version.
  [[nodiscard]] static Result<std::shared_ptr<ValidationPlugin>> load(const std::string& path);
  explicit ValidationPlugin(const selvage_validation_plugin& table)
      : table_(table), instances_(table.open, table.close) {}

  [[nodiscard]] Status open(const std::string& channel);
  // kRefused: invalid, with the plugin's words. kAborted: no judgement can be made. Any thread.
  [[nodiscard]] Status validate(const ValidationRequest& request, ValidationHost& host);

 private:
  const selvage_validation_plugin& table_;
  Instances instances_;
};

}  // namespace selvage::plugin
