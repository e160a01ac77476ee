// Chaincode on our own shim: as a service with client authentication, or dialling its peer. Its functions and answers are
// those of ../go/main.go: the test asks both the same.
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>

#include "shim/chaincode.h"
#include "shim/key_policy.h"

namespace {

using selvage::Bytes;
using selvage::Result;
using selvage::Status;
using selvage::shim::error;
using selvage::shim::KeyValue;
using selvage::shim::Response;
using selvage::shim::Stub;
using selvage::shim::success;
using Words = std::vector<std::string>;
using Answer = Result<std::string>;

Answer done(Status status) {
  if (!status) return selvage::fail(status.error());
  return std::string();
}

Answer text(Result<std::optional<Bytes>> value) {
  if (!value) return selvage::fail(value.error());
  return value->value_or("");
}

std::string row(KeyValue item) {
  for (char& c : item.key)
    if (c == '\0') c = '/';
  return item.key + "=" + item.value;
}

Result<Words> rows(Result<selvage::shim::Results<KeyValue>> results) {
  if (!results) return selvage::fail(results.error());
  Words out;
  while (true) {
    SELVAGE_TRY(auto item, results->next());
    if (!item) return out;
    out.push_back(row(std::move(*item)));
  }
}

std::string joined(const Words& words) {
  std::string out;
  for (const auto& word : words) out += (&word == &words.front() ? "" : ",") + word;
  return out;
}

Answer list(Result<selvage::shim::Results<KeyValue>> results) {
  SELVAGE_TRY(auto found, rows(std::move(results)));
  return joined(found);
}

Answer many(Result<std::vector<std::optional<Bytes>>> values) {
  if (!values) return selvage::fail(values.error());
  Words out;
  for (auto& value : *values) out.push_back(value.value_or(""));
  return joined(out);
}

Answer put_many(Stub& s, const Words& a) {
  for (int i = 0; i < std::stoi(a[1]); ++i) {
    char number[16];
    std::snprintf(number, sizeof number, "%04d", i);
    SELVAGE_CHECK(s.put_state(a[0] + number, "v" + std::to_string(i)));
  }
  return std::string();
}

Answer batch(Stub& s, const Words& a) {
  s.start_write_batch();
  for (const auto& key : a) SELVAGE_CHECK(s.put_state(key, "batched"));
  return done(s.finish_write_batch());
}

Answer batch_private(Stub& s, const Words& a) {
  s.start_write_batch();
  for (size_t i = 1; i < a.size(); ++i) SELVAGE_CHECK(s.put_private(a[0], a[i], "batched"));
  return done(s.finish_write_batch());
}

Answer page(Result<selvage::shim::Page> found) {
  if (!found) return selvage::fail(found.error());
  Words out;
  for (auto& item : found->items) out.push_back(row(item));
  return joined(out) + "|" + std::to_string(found->items.size()) + "|" + found->bookmark;
}

Answer history(Stub& s, const Words& a) {
  SELVAGE_TRY(auto changes, s.history(a[0]));
  Words out;
  while (true) {
    SELVAGE_TRY(auto change, changes.next());
    if (!change) return joined(out);
    out.push_back(change->value + ":" + (change->is_delete ? "true" : "false"));
  }
}

Answer put_composite(Stub& s, const Words& a) {
  SELVAGE_TRY(auto key, selvage::shim::make_composite_key(a[0], {a.begin() + 1, a.end()}));
  return done(s.put_state(key, "c"));
}

Answer put_private(Stub& s, const Words& a) {
  const auto value = s.transient().find("value");
  return done(s.put_private(a[0], a[1], value == s.transient().end() ? "" : value->second));
}

Answer hash_private(Stub& s, const Words& a) {
  SELVAGE_TRY(auto hash, s.get_private_hash(a[0], a[1]));
  return selvage::to_hex(hash.value_or(""));
}

selvage::shim::KeyPolicy org_policy(const Words& orgs) {
  selvage::shim::KeyPolicy policy;
  policy.add(orgs);
  return policy;
}

Answer call(Stub& s, const Words& a) {
  const Response r = s.invoke_chaincode(a[0], {a.begin() + 2, a.end()}, a[1]);
  return std::to_string(r.status) + ":" + r.payload + ":" + r.message;
}

const std::map<std::string, std::function<Answer(Stub&, const Words&)>> kFunctions = {
    {"put", [](Stub& s, const Words& a) { return done(s.put_state(a[0], a[1])); }},
    {"get", [](Stub& s, const Words& a) { return text(s.get_state(a[0])); }},
    {"del", [](Stub& s, const Words& a) { return done(s.delete_state(a[0])); }},
    {"putmany", put_many},
    {"batch", batch},
    {"batchprivate", batch_private},
    {"decorations", [](Stub& s, const Words&) -> Answer { return std::to_string(s.decorations().size()); }},
    {"getmany", [](Stub& s, const Words& a) { return many(s.get_states(a)); }},
    {"range", [](Stub& s, const Words& a) { return list(s.range(a[0], a[1])); }},
    {"count",
     [](Stub& s, const Words& a) -> Answer {
       SELVAGE_TRY(auto found, rows(s.range(a[0], a[1])));
       return std::to_string(found.size());
     }},
    {"page", [](Stub& s, const Words& a) { return page(s.range_page(a[0], a[1], std::stoi(a[2]), a[3])); }},
    {"putcomposite", put_composite},
    {"composite", [](Stub& s, const Words& a) { return list(s.composite_range(a[0], {a.begin() + 1, a.end()})); }},
    {"compositepage",
     [](Stub& s, const Words& a) { return page(s.composite_page(a[0], {a.begin() + 3, a.end()}, std::stoi(a[1]), a[2])); }},
    {"allcomposite", [](Stub& s, const Words& a) { return page(s.all_composite_page(std::stoi(a[0]), a[1])); }},
    {"history", history},
    {"putprivate", put_private},
    {"getprivate", [](Stub& s, const Words& a) { return text(s.get_private(a[0], a[1])); }},
    {"getmanyprivate", [](Stub& s, const Words& a) { return many(s.get_privates(a[0], {a.begin() + 1, a.end()})); }},
    {"rangeprivate", [](Stub& s, const Words& a) { return list(s.private_range(a[0], a[1], a[2])); }},
    {"hashprivate", hash_private},
    {"delprivate", [](Stub& s, const Words& a) { return done(s.delete_private(a[0], a[1])); }},
    {"purgeprivate", [](Stub& s, const Words& a) { return done(s.purge_private(a[0], a[1])); }},
    {"setpolicy", [](Stub& s, const Words& a) { return done(s.set_validation_parameter(a[0], a[1])); }},
    {"setorgs",
     [](Stub& s, const Words& a) {
       return done(s.set_validation_parameter(a[0], org_policy({a.begin() + 1, a.end()}).encode()));
     }},
    {"orgpolicy", [](Stub&, const Words& a) -> Answer { return selvage::to_hex(org_policy(a).encode()); }},
    {"getpolicy", [](Stub& s, const Words& a) { return text(s.validation_parameter(a[0])); }},
    {"setprivatepolicy",
     [](Stub& s, const Words& a) { return done(s.set_private_validation_parameter(a[0], a[1], a[2])); }},
    {"getprivatepolicy", [](Stub& s, const Words& a) { return text(s.private_validation_parameter(a[0], a[1])); }},
    {"event", [](Stub& s, const Words& a) { return done(s.set_event(a[0], a[1])); }},
    {"call", call},
    {"creator",
     [](Stub& s, const Words&) -> Answer {
       const bool good = s.creator().find("Org1MSP") != Bytes::npos && s.creator().find("BEGIN CERTIFICATE") != Bytes::npos;
       return std::string(good ? "true" : "false");
     }},
    {"query", [](Stub& s, const Words& a) { return list(s.query(a[0])); }},
};

class Interop final : public selvage::shim::Chaincode {
 public:
  Response init(Stub& stub) override {
    if (auto put = stub.put_state("init", "done"); !put) return error(put.error());
    return success("initialised");
  }
  Response invoke(Stub& stub) override {
    const Words words = stub.parameters();
    const std::string name = stub.function();
    if (name == "status") return Response{std::stoi(words.at(0)), "as asked", "payload"};
    if (name == "exit") ::_exit(3);
    const auto found = kFunctions.find(name);
    if (found == kFunctions.end()) return error("no function " + name);
    auto answer = found->second(stub, words);
    if (!answer) return error(answer.error());
    return success(std::move(*answer));
  }
};

}  // namespace

int main(int argc, char** argv) {
  Interop chaincode;
  return selvage::shim::serve(chaincode, argc, argv);
}
