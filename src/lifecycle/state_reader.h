// The three views of state that lifecycle needs; the ledger's simulator, its committed snapshot, or a test's map stand
// behind them. Each is one namespace already chosen: `_lifecycle`, or one of its implicit collections.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::lifecycle {

class StateReader {
 public:
  virtual ~StateReader() = default;
  // nullopt: no such key. An empty value counts as one that is there.
  [[nodiscard]] virtual Result<std::optional<Bytes>> get(std::string_view key) const = 0;
};

class StateWriter : public StateReader {
 public:
  virtual Status put(std::string_view key, BytesView value) = 0;
  virtual Status remove(std::string_view key) = 0;
};

// Another organisation's implicit collection: only hashes are known.
class HashReader {
 public:
  virtual ~HashReader() = default;
  // SHA-256 of the value; nullopt: no such key.
  [[nodiscard]] virtual Result<std::optional<Bytes>> get_hash(std::string_view key) const = 0;
  // "_implicit_org_Org1MSP"
  [[nodiscard]] virtual const std::string& collection() const = 0;
};

class RangeReader : public StateReader {
 public:
  // All keys that start with `prefix`, in order.
  [[nodiscard]] virtual Result<std::map<std::string, Bytes>> range(std::string_view prefix) const = 0;
};

}  // namespace selvage::lifecycle
