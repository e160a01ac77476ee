// Who owns which asset: the contract of fabric-samples' asset-transfer-basic, with the same functions, the same JSON and the
// same refusals, so that its applications work unchanged. samples/README.md shows how to build, install and call it.
#include <charconv>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "shim/chaincode.h"

namespace {

using selvage::Code;
using selvage::fail;
using selvage::Result;
using selvage::Status;
using selvage::shim::error;
using selvage::shim::Response;
using selvage::shim::Stub;
using selvage::shim::success;
using Json = nlohmann::json;  // members in alphabetical order, so that every endorser writes the same bytes
using Words = std::vector<std::string>;
using Answer = Result<std::string>;

// What is stored under the asset's id.
Json make_asset(const std::string& id, const std::string& color, long size, const std::string& owner, long value) {
  return {{"ID", id}, {"Color", color}, {"Size", size}, {"Owner", owner}, {"AppraisedValue", value}};
}

Result<long> number(const std::string& name, const std::string& text) {
  long out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed == std::errc() && end == text.data() + text.size()) return out;
  return fail(Code::kInvalidArgument, "Error managing parameter " + name +
                                          ". Conversion error. Cannot convert passed value " + text + " to int");
}

Result<bool> exists(Stub& stub, const std::string& id) {
  auto bytes = stub.get_state(id);
  if (!bytes) return fail(std::move(bytes).error().within("failed to read from world state"));
  return bytes->has_value();
}

Result<Json> read(Stub& stub, const std::string& id) {
  auto bytes = stub.get_state(id);
  if (!bytes) return fail(std::move(bytes).error().within("failed to read from world state"));
  if (!*bytes) return fail(Code::kNotFound, "the asset " + id + " does not exist");
  return Json::parse(**bytes);
}

Status put(Stub& stub, const Json& asset) { return stub.put_state(asset["ID"].get<std::string>(), asset.dump()); }

Answer init_ledger(Stub& stub, const Words&) {
  const Json assets[] = {make_asset("asset1", "blue", 5, "Tomoko", 300),   make_asset("asset2", "red", 5, "Brad", 400),
                         make_asset("asset3", "green", 10, "Jin Soo", 500), make_asset("asset4", "yellow", 10, "Max", 600),
                         make_asset("asset5", "black", 15, "Adriana", 700), make_asset("asset6", "white", 15, "Michel", 800)};
  for (const Json& asset : assets) SELVAGE_CHECK(put(stub, asset));
  return std::string();
}

// CreateAsset and UpdateAsset: id, color, size, owner, appraised value.
Answer store(Stub& stub, const Words& words, bool is_new) {
  SELVAGE_TRY(const bool there, exists(stub, words[0]));
  if (there && is_new) return fail(Code::kAlreadyExists, "the asset " + words[0] + " already exists");
  if (!there && !is_new) return fail(Code::kNotFound, "the asset " + words[0] + " does not exist");
  SELVAGE_TRY(const long size, number("param2", words[2]));
  SELVAGE_TRY(const long value, number("param4", words[4]));
  SELVAGE_CHECK(put(stub, make_asset(words[0], words[1], size, words[3], value)));
  return std::string();
}

Answer read_asset(Stub& stub, const Words& words) {
  SELVAGE_TRY(const Json asset, read(stub, words[0]));
  return asset.dump();
}

Answer delete_asset(Stub& stub, const Words& words) {
  SELVAGE_TRY(const bool there, exists(stub, words[0]));
  if (!there) return fail(Code::kNotFound, "the asset " + words[0] + " does not exist");
  SELVAGE_CHECK(stub.delete_state(words[0]));
  return std::string();
}

Answer asset_exists(Stub& stub, const Words& words) {
  SELVAGE_TRY(const bool there, exists(stub, words[0]));
  return std::string(there ? "true" : "false");
}

// Answers with the owner before.
Answer transfer_asset(Stub& stub, const Words& words) {
  SELVAGE_TRY(Json asset, read(stub, words[0]));
  const auto before = asset["Owner"].get<std::string>();
  asset["Owner"] = words[1];
  SELVAGE_CHECK(put(stub, asset));
  return before;
}

Answer get_all_assets(Stub& stub, const Words&) {
  SELVAGE_TRY(auto rows, stub.range("", ""));
  Json all = Json::array();
  while (true) {
    SELVAGE_TRY(auto row, rows.next());
    if (!row) return all.dump();
    all.push_back(Json::parse(row->value));
  }
}

struct Function {
  size_t parameters;
  std::function<Answer(Stub&, const Words&)> call;
};

const std::map<std::string, Function> kFunctions = {
    {"InitLedger", {0, init_ledger}},
    {"CreateAsset", {5, [](Stub& stub, const Words& words) { return store(stub, words, true); }}},
    {"UpdateAsset", {5, [](Stub& stub, const Words& words) { return store(stub, words, false); }}},
    {"ReadAsset", {1, read_asset}},
    {"DeleteAsset", {1, delete_asset}},
    {"AssetExists", {1, asset_exists}},
    {"TransferAsset", {2, transfer_asset}},
    {"GetAllAssets", {0, get_all_assets}},
};

class AssetTransfer final : public selvage::shim::Chaincode {
 public:
  Response invoke(Stub& stub) override {
    // Applications may name the contract too: "SmartContract:ReadAsset".
    const std::string asked = stub.function();
    const std::string name = asked.substr(asked.rfind(':') + 1);
    const auto found = kFunctions.find(name);
    if (found == kFunctions.end()) return error("Function " + name + " not found in contract SmartContract");
    const Words words = stub.parameters();
    if (words.size() != found->second.parameters) {
      return error("Incorrect number of params. Expected " + std::to_string(found->second.parameters) + ", received " +
                   std::to_string(words.size()));
    }
    auto answer = found->second.call(stub, words);
    if (!answer) return error(answer.error());
    return success(std::move(*answer));
  }
};

}  // namespace

int main(int argc, char** argv) {
  AssetTransfer chaincode;
  return selvage::shim::serve(chaincode, argc, argv);
}
