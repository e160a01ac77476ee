/* A plugin for endorsement and validation: chaincodes that a regulator can freeze.
 *
 * While the chaincode "regulator" holds a key "frozen/<chaincode>", this peer endorses nothing that the frozen chaincode
 * does, and a transaction that others endorsed is invalid. In all else it does what the default plugins do.
 */
#include <stdio.h>
#include <string.h>

#include "plugin/plugin_abi.h"

static selvage_bytes text(const char* zero_terminated) {
  selvage_bytes out;
  out.data = zero_terminated;
  out.size = strlen(zero_terminated);
  return out;
}

/* The regulator's key for a chaincode, whose name has 255 bytes at most. */
struct freeze_key {
  char buffer[300];
  selvage_bytes bytes;
};

static selvage_list key_of(selvage_bytes chaincode, struct freeze_key* key) {
  selvage_list keys;
  snprintf(key->buffer, sizeof key->buffer, "frozen/%.*s", (int)chaincode.size, chaincode.data);
  key->bytes = text(key->buffer);
  keys.items = &key->bytes;
  keys.count = 1;
  return keys;
}

/* Validation: on every peer of the channel, for each transaction that writes to the chaincode. */
static int validate(void* instance, selvage_validation_call* call) {
  struct freeze_key key;
  selvage_list values;
  int answer = call->check_by_default(call);
  (void)instance;
  if (answer != SELVAGE_OK) return answer;
  answer = call->get_state(call, text("regulator"), key_of(call->name_space, &key), &values);
  if (answer != SELVAGE_OK) return answer;
  if (values.items[0].data == NULL) return SELVAGE_OK;
  call->set_error(call, text("the chaincode is frozen by the regulator"));
  return SELVAGE_REFUSED;
}

/* Endorsement: on this peer, before it signs what the chaincode would write. */
static int endorse(void* instance, selvage_endorsement_call* call) {
  struct freeze_key key;
  selvage_list values;
  int answer = call->get_state(call, text("regulator"), key_of(call->chaincode, &key), &values);
  (void)instance;
  if (answer != SELVAGE_OK) return answer;
  if (values.items[0].data == NULL) return call->endorse_by_default(call);
  call->set_error(call, text("the chaincode is frozen by the regulator"));
  return SELVAGE_REFUSED;
}

/* Nothing is kept between calls, so there is nothing to open or to close. */
static const selvage_validation_plugin validation = {SELVAGE_PLUGIN_ABI_VERSION, NULL, validate, NULL};
static const selvage_endorsement_plugin endorsement = {SELVAGE_PLUGIN_ABI_VERSION, NULL, endorse, NULL};

const selvage_validation_plugin* selvage_validation_plugin_table(void) { return &validation; }
const selvage_endorsement_plugin* selvage_endorsement_plugin_table(void) { return &endorsement; }
