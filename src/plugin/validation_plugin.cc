#include "plugin/validation_plugin.h"

#include "plugin/table.h"

namespace selvage::plugin {
namespace {

// The peer's half of a call: its functions find it behind the object that the plugin knows.
struct Call : selvage_validation_call {
  Call(const ValidationRequest& request, ValidationHost& with);

  ValidationHost& host;
  Answers answers;
};

Call& of(selvage_validation_call* call) { return *static_cast<Call*>(call); }
ValidationHost& host_of(selvage_validation_call* call) { return of(call).host; }

template <class Value, class Out>
int give(Call& call, Result<Value> value, Out* out) {
  if (!value) return call.answers.broken(value.error());
  *out = call.answers.keep(std::move(*value));
  return SELVAGE_OK;
}

int judge(selvage_validation_call* call, const Status& judgement) {
  if (judgement) return SELVAGE_OK;
  const Error& why = judgement.error();
  return why.code == kRefused ? of(call).answers.refused(why) : of(call).answers.broken(why);
}

int read_state(selvage_validation_call* call, selvage_bytes chaincode, selvage_list keys, selvage_list* values) {
  return give(of(call), host_of(call).state(text_of(chaincode), texts_of(keys)), values);
}

int scan_state(selvage_validation_call* call, selvage_bytes chaincode, selvage_bytes start, selvage_bytes end,
               int (*visit)(void*, selvage_bytes, selvage_bytes), void* context) {
  const auto each = [&](BytesView key, BytesView value) { return visit(context, to_abi(key), to_abi(value)) == 0; };
  return judge(call, host_of(call).scan(text_of(chaincode), text_of(start), text_of(end), each));
}

int read_metadata(selvage_validation_call* call, selvage_bytes chaincode, selvage_bytes key, selvage_list* out) {
  return give(of(call), host_of(call).metadata(text_of(chaincode), "", text_of(key)), out);
}
int read_private_metadata(selvage_validation_call* call, selvage_bytes chaincode, selvage_bytes collection,
                          selvage_bytes key_hash, selvage_list* out) {
  return give(of(call), host_of(call).metadata(text_of(chaincode), text_of(collection), text_of(key_hash)), out);
}

int judge_identity(selvage_validation_call* call, selvage_bytes identity) {
  return judge(call, host_of(call).check_identity(from_abi(identity)));
}
int judge_principal(selvage_validation_call* call, selvage_bytes identity, selvage_bytes principal) {
  return judge(call, host_of(call).check_principal(from_abi(identity), from_abi(principal)));
}
int judge_signature(selvage_validation_call* call, selvage_bytes identity, selvage_bytes message,
                    selvage_bytes signature) {
  return judge(call, host_of(call).check_signature(from_abi(identity), from_abi(message), from_abi(signature)));
}
int judge_policy(selvage_validation_call* call, selvage_bytes policy, const selvage_signed* signatures, size_t count) {
  std::vector<Signed> set;
  set.reserve(count);
  for (size_t i = 0; i < count; i++) {
    set.push_back({from_abi(signatures[i].data), from_abi(signatures[i].identity), from_abi(signatures[i].signature)});
  }
  return judge(call, host_of(call).check_policy(from_abi(policy), set));
}
int judge_by_default(selvage_validation_call* call) { return judge(call, host_of(call).check_by_default()); }

int describe(selvage_validation_call* call, selvage_bytes identity, selvage_bytes* mspid, selvage_bytes* id) {
  auto description = host_of(call).describe(from_abi(identity));
  if (!description) return judge(call, fail(description.error()));
  *mspid = of(call).answers.keep(std::move(description->mspid));
  *id = of(call).answers.keep(std::move(description->id));
  return SELVAGE_OK;
}

int read_collection_policy(selvage_validation_call* call, selvage_bytes chaincode, selvage_bytes collection,
                           selvage_bytes* policy) {
  auto found = host_of(call).collection_policy(text_of(chaincode), text_of(collection));
  if (!found) return judge(call, fail(found.error()));
  *policy = of(call).answers.keep(std::move(*found));
  return SELVAGE_OK;
}

int judge_capability(selvage_validation_call* call, selvage_bytes name) {
  return host_of(call).has_capability(text_of(name)) ? SELVAGE_OK : SELVAGE_REFUSED;
}

Call::Call(const ValidationRequest& request, ValidationHost& with) : selvage_validation_call{}, host(with) {
  size = sizeof(selvage_validation_call);
  channel = to_abi(request.channel);
  block = to_abi(request.block);
  block_number = request.block_number;
  transaction = request.transaction;
  action = 0;  // a transaction has one
  envelope = to_abi(request.envelope);
  transaction_id = to_abi(request.txid);
  name_space = to_abi(request.chaincode);
  policy = to_abi(request.policy);
  set_error = [](selvage_validation_call* call, selvage_bytes text) { of(call).answers.set_error(text); };
  get_state = read_state;
  scan_state = plugin::scan_state;
  get_state_metadata = read_metadata;
  get_private_metadata = read_private_metadata;
  check_identity = judge_identity;
  check_principal = judge_principal;
  check_signature = judge_signature;
  describe_identity = describe;
  check_policy = judge_policy;
  get_collection_policy = read_collection_policy;
  check_capability = judge_capability;
  check_by_default = judge_by_default;
}

}  // namespace

Result<std::shared_ptr<ValidationPlugin>> ValidationPlugin::load(const std::string& path) {
  SELVAGE_TRY(const auto* table, load_table<selvage_validation_plugin>(path, "selvage_validation_plugin_table"));
  return std::make_shared<ValidationPlugin>(*table);
}

Status ValidationPlugin::open(const std::string& channel) {
  SELVAGE_CHECK(instances_.of(channel));
  return {};
}

Status ValidationPlugin::validate(const ValidationRequest& request, ValidationHost& host) {
  SELVAGE_TRY(void* const instance, instances_.of(request.channel));
  Call call(request, host);
  const int answer = guarded([&] { return table_.validate(instance, &call); });
  if (answer == SELVAGE_OK && !call.answers.was_broken()) return {};
  const bool refused = answer == SELVAGE_REFUSED && !call.answers.was_broken();
  const std::string& why = call.answers.error();
  if (!why.empty()) return fail(refused ? kRefused : Code::kAborted, why);
  return fail(refused ? kRefused : Code::kAborted, refused ? "refused by the plugin" : "the plugin gave no judgement");
}

}  // namespace selvage::plugin
