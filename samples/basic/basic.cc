// Asset transfer: who owns what. A chaincode to start from; samples/README.md explains it line by line.
//
//   create ID OWNER VALUE   a new asset; event "created"
//   read ID                 the asset as JSON
//   transfer ID OWNER       another owner; event "transferred"
//   delete ID               forgets the asset
//   owned OWNER             all assets of one owner, as a JSON array
//   history ID              every value the asset ever had
//   put KEY VALUE, get KEY  plain state, for a first try and for benchmarks
#include <map>

#include "shim/chaincode.h"

namespace {

using selvage::Bytes;
using selvage::shim::error;
using selvage::shim::Response;
using selvage::shim::Stub;
using selvage::shim::success;

constexpr const char* kByOwner = "owner~id";

std::string quoted(const std::string& text) { return '"' + selvage::escape(text, 4096) + '"'; }

std::string to_json(const std::string& id, const std::string& owner, const std::string& value) {
  return "{\"id\":" + quoted(id) + ",\"owner\":" + quoted(owner) + ",\"value\":" + quoted(value) + "}";
}

// An asset is stored as its owner and its value, split by the first zero byte.
struct Asset {
  std::string owner;
  std::string value;

  [[nodiscard]] Bytes encode() const { return owner + '\0' + value; }
  static Asset parse(const Bytes& bytes) {
    const size_t end = bytes.find('\0');
    return {bytes.substr(0, end), end == Bytes::npos ? "" : bytes.substr(end + 1)};
  }
};

using Words = std::vector<std::string>;

class Basic : public selvage::shim::Chaincode {
 public:
  Response invoke(Stub& stub) override {
    static const std::map<std::string, std::pair<size_t, Response (Basic::*)(Stub&, const Words&)>> functions = {
        {"create", {3, &Basic::create}},     {"read", {1, &Basic::read}},       {"transfer", {2, &Basic::transfer}},
        {"delete", {1, &Basic::remove}},     {"owned", {1, &Basic::owned}},     {"history", {1, &Basic::history}},
        {"put", {2, &Basic::put}},           {"get", {1, &Basic::get}},
    };
    const auto found = functions.find(stub.function());
    if (found == functions.end()) return error("unknown function " + quoted(stub.function()));
    const auto& [count, function] = found->second;
    const Words words = stub.parameters();
    if (words.size() != count) {
      return error(stub.function() + " takes " + std::to_string(count) + " arguments, not " + std::to_string(words.size()));
    }
    return (this->*function)(stub, words);
  }

 private:
  Response create(Stub& stub, const Words& words) {
    auto there = stub.get_state(words[0]);
    if (!there) return error(there.error());
    if (there->has_value()) return error("asset " + quoted(words[0]) + " exists");
    if (auto kept = keep(stub, words[0], {words[1], words[2]}); !kept) return error(kept.error());
    return tell(stub, "created", words[0], {words[1], words[2]});
  }

  Response read(Stub& stub, const Words& words) {
    auto asset = load(stub, words[0]);
    if (!asset) return error(asset.error());
    return success(to_json(words[0], asset->owner, asset->value));
  }

  Response transfer(Stub& stub, const Words& words) {
    auto asset = load(stub, words[0]);
    if (!asset) return error(asset.error());
    if (auto gone = forget_owner(stub, words[0], asset->owner); !gone) return error(gone.error());
    asset->owner = words[1];
    if (auto kept = keep(stub, words[0], *asset); !kept) return error(kept.error());
    return tell(stub, "transferred", words[0], *asset);
  }

  Response remove(Stub& stub, const Words& words) {
    auto asset = load(stub, words[0]);
    if (!asset) return error(asset.error());
    if (auto gone = forget_owner(stub, words[0], asset->owner); !gone) return error(gone.error());
    if (auto gone = stub.delete_state(words[0]); !gone) return error(gone.error());
    return success();
  }

  Response owned(Stub& stub, const Words& words) {
    auto entries = stub.composite_range(kByOwner, {words[0]});
    if (!entries) return error(entries.error());
    std::string list;
    while (true) {
      auto entry = entries->next();
      if (!entry) return error(entry.error());
      if (!entry->has_value()) break;
      auto parts = selvage::shim::split_composite_key((*entry)->key);
      if (!parts) return error(parts.error());
      auto asset = load(stub, parts->attributes.back());
      if (!asset) return error(asset.error());
      list += (list.empty() ? "" : ",") + to_json(parts->attributes.back(), asset->owner, asset->value);
    }
    return success("[" + list + "]");
  }

  Response history(Stub& stub, const Words& words) {
    auto changes = stub.history(words[0]);
    if (!changes) return error(changes.error());
    std::string list;
    while (true) {
      auto change = changes->next();
      if (!change) return error(change.error());
      if (!change->has_value()) break;
      const Asset asset = Asset::parse((*change)->value);
      list += (list.empty() ? "" : ",") + ("{\"tx\":" + quoted((*change)->tx_id)) +
              ((*change)->is_delete ? ",\"deleted\":true}"
                                    : ",\"owner\":" + quoted(asset.owner) + ",\"value\":" + quoted(asset.value) + "}");
    }
    return success("[" + list + "]");
  }

  Response put(Stub& stub, const Words& words) {
    if (auto done = stub.put_state(words[0], words[1]); !done) return error(done.error());
    return success();
  }

  Response get(Stub& stub, const Words& words) {
    auto value = stub.get_state(words[0]);
    if (!value) return error(value.error());
    if (!value->has_value()) return error("no such key " + quoted(words[0]));
    return success(std::move(**value));
  }

  static selvage::Result<Asset> load(Stub& stub, const std::string& id) {
    SELVAGE_TRY(std::optional<Bytes> bytes, stub.get_state(id));
    if (!bytes) return selvage::fail(selvage::Code::kNotFound, "no asset " + quoted(id));
    return Asset::parse(*bytes);
  }

  static selvage::Status keep(Stub& stub, const std::string& id, const Asset& asset) {
    SELVAGE_CHECK(stub.put_state(id, asset.encode()));
    SELVAGE_TRY(std::string key, selvage::shim::make_composite_key(kByOwner, {asset.owner, id}));
    // The key says it all, but an empty value would delete it.
    return stub.put_state(key, Bytes(1, '\0'));
  }

  static selvage::Status forget_owner(Stub& stub, const std::string& id, const std::string& owner) {
    SELVAGE_TRY(std::string key, selvage::shim::make_composite_key(kByOwner, {owner, id}));
    return stub.delete_state(key);
  }

  static Response tell(Stub& stub, const std::string& event, const std::string& id, const Asset& asset) {
    const std::string json = to_json(id, asset.owner, asset.value);
    if (auto set = stub.set_event(event, json); !set) return error(set.error());
    return success(json);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Basic chaincode;
  return selvage::shim::serve(chaincode, argc, argv);
}
