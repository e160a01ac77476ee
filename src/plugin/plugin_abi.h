/* The interface between a Selvage peer and its plugins: shared objects that core.yaml names under peer.handlers.
 *
 * A plugin exports one function or more of those at the end of this file, each with C linkage; each gives a table of
 * functions that lives as long as the process. C99 and C++; nothing but this header is needed to build a plugin:
 *
 *     cc -shared -fPIC -fvisibility=hidden -Wl,-Bsymbolic -o my_plugin.so my_plugin.c
 *
 * Rules
 * - Bytes that the peer hands in, or gives through a function of the call, are the peer's and live until the plugin
 *   returns from the call. What a plugin hands to a set_... function is copied before that returns. Nobody frees what is
 *   not theirs.
 * - A call object belongs to one call: it may be used only before the plugin returns, on the thread that was called.
 * - Every function of a table may be called from several threads at once, for one instance as well.
 * - No exception may leave a function. One that does is counted as SELVAGE_BROKEN.
 * - Validation must say the same on every peer of the channel, today and when a block is read again in a year: no clock, no
 *   randomness, no network, nothing but what the call gives.
 * - Messages are Fabric's protobuf messages in their wire format; a plugin that looks into them brings its own parser.
 *
 * Versions: a peer refuses a table whose abi_version it does not know. Within a version, calls grow at their end only: a
 * plugin that uses a function which is newer than the first release of its version looks at `size` first.
 */
#ifndef SELVAGE_PLUGIN_ABI_H
#define SELVAGE_PLUGIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SELVAGE_PLUGIN_ABI_VERSION 1u

/* What every function gives back that can fail. */
enum {
  SELVAGE_OK = 0,      /* done; valid; satisfied */
  SELVAGE_REFUSED = 1, /* a judgement: invalid, not satisfied, not allowed */
  SELVAGE_BROKEN = 2   /* no judgement can be made, e.g. state cannot be read */
};

/* data is NULL where there is nothing, e.g. no such key. Not terminated by a zero. */
typedef struct selvage_bytes {
  const char* data;
  size_t size;
} selvage_bytes;

typedef struct selvage_list {
  const selvage_bytes* items;
  size_t count;
} selvage_list;

/* One signature of a set that a policy judges. */
typedef struct selvage_signed {
  selvage_bytes data;      /* what was signed */
  selvage_bytes identity;  /* msp.SerializedIdentity */
  selvage_bytes signature;
} selvage_signed;

/* A plugin is opened once for each channel (once with the empty name for auth filters and decorators), when it is first
 * needed. *instance is handed to each later call; NULL is fine. `open` and `close` of a table may be NULL. */
typedef struct selvage_open_call selvage_open_call;
struct selvage_open_call {
  size_t size; /* of this object, in bytes; so in every call */
  selvage_bytes channel;
  void (*set_error)(selvage_open_call* call, selvage_bytes text);
};

/* ---- Endorsement: signs what a chaincode would write ------------------------------------------------------------- */

typedef struct selvage_endorsement_call selvage_endorsement_call;
struct selvage_endorsement_call {
  size_t size;
  selvage_bytes channel;
  selvage_bytes transaction_id;
  selvage_bytes chaincode;
  selvage_bytes signed_proposal; /* protos.SignedProposal; its signature has been verified */
  selvage_bytes payload;         /* protos.ProposalResponsePayload */
  selvage_bytes local_identity;  /* this peer's, msp.SerializedIdentity */

  /* The endorsement: this or endorse_by_default() is required. */
  void (*set_endorsement)(selvage_endorsement_call* call, selvage_bytes endorser, selvage_bytes signature);
  /* Another ProposalResponsePayload in place of `payload` (optional). */
  void (*set_payload)(selvage_endorsement_call* call, selvage_bytes payload);
  /* Why not; the client is told. Functions below that fail set it themselves. */
  void (*set_error)(selvage_endorsement_call* call, selvage_bytes text);

  /* With the key of this peer: DER, low-S, over SHA-256 of `message`. */
  int (*sign)(selvage_endorsement_call* call, selvage_bytes message, selvage_bytes* signature);
  /* Committed state: one value a key, in their order. */
  int (*get_state)(selvage_endorsement_call* call, selvage_bytes name_space, selvage_list keys, selvage_list* values);
  int (*get_private_data)(selvage_endorsement_call* call, selvage_bytes name_space, selvage_bytes collection,
                          selvage_list keys, selvage_list* values);
  /* Private write sets that endorsements of a transaction have left in this peer's transient store, this one's among them:
   * rwset.TxPvtReadWriteSet each. */
  int (*get_transient)(selvage_endorsement_call* call, selvage_bytes transaction_id, selvage_list* write_sets);
  /* As the default plugin, escc: an endorsement of this peer, whose signature is over the payload (that of set_payload where
   * it was called) followed by local_identity. */
  int (*endorse_by_default)(selvage_endorsement_call* call);
};

typedef struct selvage_endorsement_plugin {
  uint32_t abi_version; /* SELVAGE_PLUGIN_ABI_VERSION */
  int (*open)(selvage_open_call* call, void** instance);
  int (*endorse)(void* instance, selvage_endorsement_call* call);
  void (*close)(void* instance);
} selvage_endorsement_plugin;

/* ---- Validation: judges one namespace that a transaction of a block writes to ------------------------------------ */

typedef struct selvage_validation_call selvage_validation_call;
struct selvage_validation_call {
  size_t size;
  selvage_bytes channel;
  selvage_bytes block;          /* common.Block as it came, without validation codes */
  uint64_t block_number;
  uint32_t transaction;         /* position in the block */
  uint32_t action;              /* position in the transaction */
  selvage_bytes envelope;       /* common.Envelope at that position; its form and its creator's signature are good */
  selvage_bytes transaction_id;
  selvage_bytes name_space;     /* the chaincode */
  selvage_bytes policy;         /* protos.ApplicationPolicy of the chaincode's definition */

  /* Why the transaction is invalid, or why nothing can be said; for the log. */
  void (*set_error)(selvage_validation_call* call, selvage_bytes text);

  /* State as of the block before. */
  int (*get_state)(selvage_validation_call* call, selvage_bytes name_space, selvage_list keys, selvage_list* values);
  /* start <= key < end, in order; an empty end means all that follow. Stops when `visit` gives anything but 0. */
  int (*scan_state)(selvage_validation_call* call, selvage_bytes name_space, selvage_bytes start, selvage_bytes end,
                    int (*visit)(void* context, selvage_bytes key, selvage_bytes value), void* context);
  /* Name, value, name, value, ...; none where the key has no metadata. */
  int (*get_state_metadata)(selvage_validation_call* call, selvage_bytes name_space, selvage_bytes key,
                            selvage_list* names_and_values);
  int (*get_private_metadata)(selvage_validation_call* call, selvage_bytes name_space, selvage_bytes collection,
                              selvage_bytes key_hash, selvage_list* names_and_values);

  /* Identities are msp.SerializedIdentity. SELVAGE_REFUSED: no member of the channel's MSPs, or not (any more) valid. */
  int (*check_identity)(selvage_validation_call* call, selvage_bytes identity);
  int (*check_principal)(selvage_validation_call* call, selvage_bytes identity, selvage_bytes principal); /* common.MSPPrincipal */
  int (*check_signature)(selvage_validation_call* call, selvage_bytes identity, selvage_bytes message, selvage_bytes signature);
  /* Its MSP and, within that, the hex SHA-256 of its certificate. */
  int (*describe_identity)(selvage_validation_call* call, selvage_bytes identity, selvage_bytes* mspid, selvage_bytes* id);
  /* Whether the signatures satisfy a protos.ApplicationPolicy. */
  int (*check_policy)(selvage_validation_call* call, selvage_bytes policy, const selvage_signed* signatures, size_t count);

  /* The endorsement policy of a collection, protos.ApplicationPolicy; empty: the chaincode's holds. */
  int (*get_collection_policy)(selvage_validation_call* call, selvage_bytes name_space, selvage_bytes collection,
                               selvage_bytes* policy);
  /* SELVAGE_OK when the channel has this application capability ("V2_5"). */
  int (*check_capability)(selvage_validation_call* call, selvage_bytes name);
  /* What the default plugin, vscc, says: policies of chaincode, collections and keys over all that is written here. */
  int (*check_by_default)(selvage_validation_call* call);
};

typedef struct selvage_validation_plugin {
  uint32_t abi_version;
  int (*open)(selvage_open_call* call, void** instance);
  /* SELVAGE_REFUSED: the transaction is ENDORSEMENT_POLICY_FAILURE. SELVAGE_BROKEN: the channel stops on this peer; so it
   * does when a function of the call was broken, whatever is returned. */
  int (*validate)(void* instance, selvage_validation_call* call);
  void (*close)(void* instance);
} selvage_validation_plugin;

/* ---- Auth filter: may this proposal be looked at -------------------------------------------------------------------- */

typedef struct selvage_auth_call selvage_auth_call;
struct selvage_auth_call {
  size_t size;
  selvage_bytes signed_proposal; /* protos.SignedProposal that parses; nothing about it has been verified */
  void (*set_error)(selvage_auth_call* call, selvage_bytes text); /* the client is told */
};

typedef struct selvage_auth_filter {
  uint32_t abi_version;
  int (*open)(selvage_open_call* call, void** instance);
  int (*check)(void* instance, selvage_auth_call* call);
  void (*close)(void* instance);
} selvage_auth_filter;

/* ---- Decorator: adds to what a chaincode is called with ------------------------------------------------------------- */

typedef struct selvage_decoration_call selvage_decoration_call;
struct selvage_decoration_call {
  size_t size;
  selvage_bytes proposal; /* protos.Proposal */
  selvage_bytes input;    /* protos.ChaincodeInput, with what decorators before this one did */
  void (*set_input)(selvage_decoration_call* call, selvage_bytes input); /* another ChaincodeInput (optional) */
  void (*set_error)(selvage_decoration_call* call, selvage_bytes text);  /* the client is told */
};

typedef struct selvage_decorator {
  uint32_t abi_version;
  int (*open)(selvage_open_call* call, void** instance);
  int (*decorate)(void* instance, selvage_decoration_call* call);
  void (*close)(void* instance);
} selvage_decorator;

/* ---- What a plugin exports: those of its kinds ------------------------------------------------------------------------ */

#if defined(__GNUC__)
#define SELVAGE_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SELVAGE_PLUGIN_EXPORT
#endif

SELVAGE_PLUGIN_EXPORT const selvage_endorsement_plugin* selvage_endorsement_plugin_table(void);
SELVAGE_PLUGIN_EXPORT const selvage_validation_plugin* selvage_validation_plugin_table(void);
SELVAGE_PLUGIN_EXPORT const selvage_auth_filter* selvage_auth_filter_table(void);
SELVAGE_PLUGIN_EXPORT const selvage_decorator* selvage_decorator_table(void);

#ifdef __cplusplus
}
#endif

#endif /* SELVAGE_PLUGIN_ABI_H */
