#include "plugin/endorsement_plugin.h"

#include "plugin/table.h"

namespace selvage::plugin {
namespace {

// The peer's half of a call: its functions find it behind the object that the plugin knows.
struct Call : selvage_endorsement_call {
  Call(const EndorsementRequest& request, EndorsementHost& with);

  EndorsementHost& host;
  Answers answers;
  std::optional<Endorsed> endorsed;
  std::optional<Bytes> payload_instead;
};

Call& of(selvage_endorsement_call* call) { return *static_cast<Call*>(call); }

template <class Value, class Out>
int give(Call& call, Result<Value> value, Out* out) {
  if (!value) return call.answers.broken(value.error());
  *out = call.answers.keep(std::move(*value));
  return SELVAGE_OK;
}

int sign_message(selvage_endorsement_call* call, selvage_bytes message, selvage_bytes* signature) {
  return give(of(call), of(call).host.sign(from_abi(message)), signature);
}
int read_state(selvage_endorsement_call* call, selvage_bytes chaincode, selvage_list keys, selvage_list* values) {
  return give(of(call), of(call).host.state(text_of(chaincode), texts_of(keys)), values);
}
int read_private_data(selvage_endorsement_call* call, selvage_bytes chaincode, selvage_bytes collection,
                      selvage_list keys, selvage_list* values) {
  return give(of(call), of(call).host.private_data(text_of(chaincode), text_of(collection), texts_of(keys)), values);
}
int read_transient(selvage_endorsement_call* call, selvage_bytes txid, selvage_list* write_sets) {
  return give(of(call), of(call).host.transient(text_of(txid)), write_sets);
}

int endorse_by_default(selvage_endorsement_call* call) {
  const BytesView payload = of(call).payload_instead ? *of(call).payload_instead : from_abi(call->payload);
  const BytesView identity = from_abi(call->local_identity);
  auto signature = of(call).host.sign(Bytes(payload) + Bytes(identity));
  if (!signature) return of(call).answers.broken(signature.error());
  of(call).endorsed = Endorsed{Bytes(identity), std::move(*signature), {}};
  return SELVAGE_OK;
}

Call::Call(const EndorsementRequest& request, EndorsementHost& with) : selvage_endorsement_call{}, host(with) {
  size = sizeof(selvage_endorsement_call);
  channel = to_abi(request.channel);
  transaction_id = to_abi(request.txid);
  chaincode = to_abi(request.chaincode);
  signed_proposal = to_abi(request.signed_proposal);
  payload = to_abi(request.payload);
  local_identity = to_abi(request.local_identity);
  set_endorsement = [](selvage_endorsement_call* call, selvage_bytes endorser, selvage_bytes signature) {
    of(call).endorsed = Endorsed{text_of(endorser), text_of(signature), {}};
  };
  set_payload = [](selvage_endorsement_call* call, selvage_bytes bytes) { of(call).payload_instead = text_of(bytes); };
  set_error = [](selvage_endorsement_call* call, selvage_bytes text) { of(call).answers.set_error(text); };
  sign = sign_message;
  get_state = read_state;
  get_private_data = read_private_data;
  get_transient = read_transient;
  endorse_by_default = plugin::endorse_by_default;
}

}  // namespace

Result<std::shared_ptr<EndorsementPlugin>> EndorsementPlugin::load(const std::string& path) {
  SELVAGE_TRY(const auto* table, load_table<selvage_endorsement_plugin>(path, "selvage_endorsement_plugin_table"));
  return std::make_shared<EndorsementPlugin>(*table);
}

Status EndorsementPlugin::open(const std::string& channel) {
  SELVAGE_CHECK(instances_.of(channel));
  return {};
}

Result<Endorsed> EndorsementPlugin::endorse(const EndorsementRequest& request, EndorsementHost& host) {
  SELVAGE_TRY(void* const instance, instances_.of(request.channel));
  Call call(request, host);
  const int answer = guarded([&] { return table_.endorse(instance, &call); });
  if (answer != SELVAGE_OK || !call.endorsed) {
    const std::string& why = call.answers.error();
    return fail(Code::kUnknown, why.empty() ? "the plugin gave no endorsement" : why);
  }
  call.endorsed->payload = std::move(call.payload_instead);
  return std::move(*call.endorsed);
}

}  // namespace selvage::plugin
