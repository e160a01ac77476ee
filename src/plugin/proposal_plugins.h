// Auth filters and decorators of shared objects, as endorse/ calls them for each proposal.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "plugin/call.h"
#include "plugin/plugin_abi.h"

namespace selvage::plugin {

class AuthFilter {
 public:
  [[nodiscard]] static Result<std::shared_ptr<AuthFilter>> load(const std::string& path);
  explicit AuthFilter(const selvage_auth_filter& table) : table_(table), instances_(table.open, table.close) {}
  [[nodiscard]] Status open();
  // kUnknown with the plugin's words, which the client is told as a gRPC error. Any thread.
  [[nodiscard]] Status check(BytesView signed_proposal);

 private:
  const selvage_auth_filter& table_;
  Instances instances_;
};

class Decorator {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Decorator>> load(const std::string& path);
  explicit Decorator(const selvage_decorator& table) : table_(table), instances_(table.open, table.close) {}
  [[nodiscard]] Status open();
  // `input` or another protos.ChaincodeInput in its place. kUnknown with the plugin's words. Any thread.
  [[nodiscard]] Result<Bytes> decorate(BytesView proposal, Bytes input);

 private:
  const selvage_decorator& table_;
  Instances instances_;
};

}  // namespace selvage::plugin
