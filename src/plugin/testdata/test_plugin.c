/* What the tests load: does what the state, the proposal or the channel's name says, and tells what it was given. */
#include <stdio.h>
#include <string.h>

#include "plugin/plugin_abi.h"

static selvage_bytes text(const char* zero_terminated) {
  selvage_bytes out;
  out.data = zero_terminated;
  out.size = strlen(zero_terminated);
  return out;
}
static int is(selvage_bytes bytes, const char* what) {
  return bytes.data != NULL && bytes.size == strlen(what) && memcmp(bytes.data, what, bytes.size) == 0;
}
static selvage_list one(selvage_bytes* key) {
  selvage_list keys;
  keys.items = key;
  keys.count = 1;
  return keys;
}

static int opened; /* instances that are open */

/* The channel "closed" cannot be had. */
static int open_instance(selvage_open_call* call, void** instance) {
  if (is(call->channel, "closed")) {
    call->set_error(call, text("no room in this channel"));
    return SELVAGE_REFUSED;
  }
  opened++;
  *instance = &opened;
  return SELVAGE_OK;
}
static void close_instance(void* instance) {
  if (instance == &opened) opened--;
}

/* By the key "mode" of the chaincode. */
static int mode_of(selvage_validation_call* call, selvage_bytes* mode) {
  selvage_bytes key = text("mode");
  selvage_list values;
  const int answer = call->get_state(call, call->name_space, one(&key), &values);
  if (answer == SELVAGE_OK) *mode = values.items[0];
  return answer;
}

static int count_entry(void* context, selvage_bytes key, selvage_bytes value) {
  *(size_t*)context += key.size + value.size;
  return 0;
}

/* One letter an answer: o ok, r refused, b broken. */
static char letter(int answer) { return answer == SELVAGE_OK ? 'o' : answer == SELVAGE_REFUSED ? 'r' : 'b'; }

static int ask_everything(selvage_validation_call* call) {
  char said[256];
  size_t scanned = 0;
  selvage_list pairs;
  selvage_bytes mspid, id, policy;
  selvage_signed nobody;
  const selvage_bytes none = {NULL, 0};
  nobody.data = nobody.identity = nobody.signature = none;
  {
    const char scan = letter(call->scan_state(call, call->name_space, none, none, count_entry, &scanned));
    const char metadata = letter(call->get_state_metadata(call, call->name_space, text("mode"), &pairs));
    const char hidden = letter(call->get_private_metadata(call, call->name_space, text("c"), text("hash"), &pairs));
    const char identity = letter(call->check_identity(call, text("nobody")));
    const char principal = letter(call->check_principal(call, text("nobody"), none));
    const char signature = letter(call->check_signature(call, text("nobody"), none, none));
    const char described = letter(call->describe_identity(call, text("nobody"), &mspid, &id));
    const char satisfied = letter(call->check_policy(call, call->policy, &nobody, 1));
    const char collection = letter(call->get_collection_policy(call, call->name_space, text("c"), &policy));
    const char v2 = letter(call->check_capability(call, text("V2_5")));
    const char v9 = letter(call->check_capability(call, text("V9_9")));
    snprintf(said, sizeof said, "scan %c%u metadata %c%c identity %c%c%c%c policy %c%c capability %c%c at %u.%u of block %u", scan,
             (unsigned)scanned, metadata, hidden, identity, principal, signature, described, satisfied, collection, v2, v9,
             (unsigned)call->transaction, (unsigned)call->action, (unsigned)call->block_number);
  }
  call->set_error(call, text(said));
  return SELVAGE_REFUSED;
}

static int validate(void* instance, selvage_validation_call* call) {
  selvage_bytes mode;
  if (instance != &opened || call->size < sizeof *call) return SELVAGE_BROKEN;
  if (mode_of(call, &mode) != SELVAGE_OK) return SELVAGE_REFUSED; /* wrong of it: the peer makes it broken */
  if (mode.data == NULL || is(mode, "default")) return call->check_by_default(call);
  if (is(mode, "everything")) return ask_everything(call);
  if (is(mode, "all")) return SELVAGE_OK;
  if (is(mode, "odd")) return 7;
  call->set_error(call, mode);
  return is(mode, "broken") ? SELVAGE_BROKEN : SELVAGE_REFUSED;
}

static int contains(selvage_bytes bytes, const char* what) {
  const size_t size = strlen(what);
  size_t at;
  for (at = 0; at + size <= bytes.size; at++) {
    if (memcmp(bytes.data + at, what, size) == 0) return 1;
  }
  return 0;
}

/* An approval writes private data, which is in the transient store when it is endorsed, and not yet in the state. */
static int look_at_private_data(selvage_endorsement_call* call) {
  selvage_bytes key = text("no such key");
  selvage_list found, values;
  if (call->get_transient(call, call->transaction_id, &found) != SELVAGE_OK ||
      call->get_private_data(call, call->chaincode, text("_implicit_org_Org1MSP"), one(&key), &values) != SELVAGE_OK) {
    return SELVAGE_BROKEN;
  }
  if (values.count != 1 || values.items[0].data != NULL) return SELVAGE_BROKEN;
  if (!contains(call->signed_proposal, "ApproveChaincodeDefinitionForMyOrg")) return SELVAGE_OK;
  return found.count == 1 && found.items[0].size > 0 ? SELVAGE_OK : SELVAGE_BROKEN;
}

/* By the key "mode" of the chaincode as well. */
static int endorse(void* instance, selvage_endorsement_call* call) {
  selvage_bytes key = text("mode");
  selvage_list values;
  if (instance != &opened || call->size < sizeof *call) return SELVAGE_BROKEN;
  if (look_at_private_data(call) != SELVAGE_OK) return SELVAGE_BROKEN;
  if (call->get_state(call, call->chaincode, one(&key), &values) != SELVAGE_OK) return SELVAGE_BROKEN;
  if (values.items[0].data == NULL) return call->endorse_by_default(call);
  if (is(values.items[0], "nothing")) return SELVAGE_OK;
  if (is(values.items[0], "payload")) {
    call->set_payload(call, text("another payload"));
    return call->endorse_by_default(call);
  }
  if (is(values.items[0], "own")) {
    selvage_bytes signature;
    const int answer = call->sign(call, text("message"), &signature);
    if (answer == SELVAGE_OK) call->set_endorsement(call, text("somebody"), signature);
    return answer;
  }
  call->set_error(call, values.items[0]);
  return SELVAGE_REFUSED;
}

/* Whoever asks for "tomorrow" is refused. */
static int check_proposal(void* instance, selvage_auth_call* call) {
  if (instance != &opened) return SELVAGE_BROKEN;
  if (!contains(call->signed_proposal, "tomorrow")) return SELVAGE_OK;
  call->set_error(call, text("not today"));
  return SELVAGE_REFUSED;
}

/* Adds decorations["plugin"] = "was here" to the ChaincodeInput: fields are appended to a message. */
static int decorate(void* instance, selvage_decoration_call* call) {
  static const char decoration[] = "\x12\x12\x0a\x06plugin\x12\x08was here";
  char bytes[200000];
  selvage_bytes input;
  if (instance != &opened) return SELVAGE_BROKEN;
  if (call->input.size + sizeof decoration > sizeof bytes) {
    call->set_error(call, text("too long for this decorator"));
    return SELVAGE_REFUSED;
  }
  memcpy(bytes, call->input.data, call->input.size);
  memcpy(bytes + call->input.size, decoration, sizeof decoration - 1);
  input.data = bytes;
  input.size = call->input.size + sizeof decoration - 1;
  call->set_input(call, input);
  return SELVAGE_OK;
}

static const selvage_validation_plugin validation = {SELVAGE_PLUGIN_ABI_VERSION, open_instance, validate, close_instance};
static const selvage_endorsement_plugin endorsement = {SELVAGE_PLUGIN_ABI_VERSION, open_instance, endorse, close_instance};
static const selvage_auth_filter filter = {SELVAGE_PLUGIN_ABI_VERSION, open_instance, check_proposal, close_instance};
static const selvage_decorator decorator = {SELVAGE_PLUGIN_ABI_VERSION, open_instance, decorate, close_instance};

const selvage_validation_plugin* selvage_validation_plugin_table(void) { return &validation; }
const selvage_endorsement_plugin* selvage_endorsement_plugin_table(void) { return &endorsement; }
const selvage_auth_filter* selvage_auth_filter_table(void) { return &filter; }
const selvage_decorator* selvage_decorator_table(void) { return &decorator; }
