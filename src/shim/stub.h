// What a chaincode function sees of the transaction it runs in and of the ledger. One Stub lives for one invocation and
// is used by the one thread that runs it.
//
// Reads see the state before this transaction, never its own writes; writes take effect when the transaction is committed.
// Every function that asks the peer blocks for its answer; an error (kAborted: the peer's words; kUnavailable: the stream
// is gone) should end the invocation with shim::error().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "shim/composite_key.h"
#include "shim/response.h"

namespace protos {
class SignedProposal;
}

namespace selvage::shim {

struct KeyValue {
  std::string name_space;
  std::string key;
  Bytes value;
};

struct KeyModification {
  std::string tx_id;
  Bytes value;
  SystemTime time;
  bool is_delete = false;
};

struct Event {
  std::string name;
  Bytes payload;
};

// How one question reaches the peer: a ChaincodeMessage type and payload, answered by RESPONSE's payload.
using AskPeer = std::function<Result<Bytes>(int message_type, Bytes payload)>;

// Results of a range or history query, fetched page by page. Closed on destruction.
template <class Item>
class Results {
 public:
  // The next item; nullopt at the end.
  [[nodiscard]] Result<std::optional<Item>> next();
  ~Results();
  Results(Results&&) noexcept = default;
  Results& operator=(Results&&) = delete;

 private:
  friend class Stub;
  Results() = default;
  [[nodiscard]] static Result<Results> open(AskPeer ask, int question_type, Bytes question);
  AskPeer ask_;
  std::string id_;
  std::vector<Bytes> page_;
  size_t place_ = 0;
  bool more_ = false;
};

struct Page {
  std::vector<KeyValue> items;
  std::string bookmark;  // for the next page; empty when there is none
};

// What the peer negotiated after registration.
struct Negotiated {
  size_t keys_per_read = 0;     // GET_STATE_MULTIPLE: keys in one question; 0: not supported
  size_t writes_per_batch = 0;  // WRITE_BATCH_STATE: writes in one message; 0: not supported
};

class Stub {
 public:
  struct Context {
    std::string channel_id;
    std::string tx_id;
    std::vector<Bytes> args;
    std::map<std::string, Bytes> decorations;
    Bytes signed_proposal;  // protos.SignedProposal as it came; empty for calls without
    Negotiated negotiated;
  };
  // kInvalidArgument when the proposal does not parse.
  [[nodiscard]] static Result<std::unique_ptr<Stub>> make(Context context, AskPeer ask);
  ~Stub();

  // The transaction.
  [[nodiscard]] const std::string& channel_id() const { return context_.channel_id; }
  [[nodiscard]] const std::string& tx_id() const { return context_.tx_id; }
  [[nodiscard]] const std::vector<Bytes>& args() const { return context_.args; }
  // args()[0], or empty; and the rest.
  [[nodiscard]] std::string function() const;
  [[nodiscard]] std::vector<std::string> parameters() const;
  // Who asks: a serialised msp.SerializedIdentity.
  [[nodiscard]] const Bytes& creator() const { return creator_; }
  [[nodiscard]] const std::map<std::string, Bytes>& transient() const { return transient_; }
  // What the peer adds to the call (its decorators; usually nothing).
  [[nodiscard]] const std::map<std::string, Bytes>& decorations() const { return context_.decorations; }
  // SHA-256 over nonce, creator and epoch: ties the proposal to what an application signs besides.
  [[nodiscard]] const Bytes& binding() const { return binding_; }
  [[nodiscard]] SystemTime timestamp() const { return timestamp_; }  // the client's clock
  [[nodiscard]] const Bytes& signed_proposal() const { return context_.signed_proposal; }

  // Public state. An empty optional: no such key.
  [[nodiscard]] Result<std::optional<Bytes>> get_state(const std::string& key);
  [[nodiscard]] Result<std::vector<std::optional<Bytes>>> get_states(const std::vector<std::string>& keys);
  Status put_state(const std::string& key, Bytes value);
  Status delete_state(const std::string& key);
  // Keys in [start, end); both empty: all keys but composite ones.
  [[nodiscard]] Result<Results<KeyValue>> range(const std::string& start, const std::string& end);
  [[nodiscard]] Result<Page> range_page(const std::string& start, const std::string& end, int page_size,
                                        const std::string& bookmark = "");
  // Composite keys that begin with these parts (composite_key.h).
  [[nodiscard]] Result<Results<KeyValue>> composite_range(const std::string& object_type,
                                                          const std::vector<std::string>& attributes);
  [[nodiscard]] Result<Page> composite_page(const std::string& object_type, const std::vector<std::string>& attributes,
                                            int page_size, const std::string& bookmark = "");
  [[nodiscard]] Result<Page> all_composite_page(int page_size, const std::string& bookmark = "");  // of every type
  // Queries by content, for state databases that have them; a peer without says "not supported".
  [[nodiscard]] Result<Results<KeyValue>> query(const std::string& rich_query);
  [[nodiscard]] Result<Page> query_page(const std::string& rich_query, int page_size, const std::string& bookmark = "");
  [[nodiscard]] Result<Results<KeyModification>> history(const std::string& key);  // newest first

  // Who must endorse changes of one key: a serialised common.SignaturePolicyEnvelope, which key_policy.h makes.
  Status set_validation_parameter(const std::string& key, Bytes policy);
  [[nodiscard]] Result<std::optional<Bytes>> validation_parameter(const std::string& key);

  // Private data of a collection.
  [[nodiscard]] Result<std::optional<Bytes>> get_private(const std::string& collection, const std::string& key);
  [[nodiscard]] Result<std::vector<std::optional<Bytes>>> get_privates(const std::string& collection,
                                                                       const std::vector<std::string>& keys);
  // SHA-256 of the value; members of other organisations may ask too.
  [[nodiscard]] Result<std::optional<Bytes>> get_private_hash(const std::string& collection, const std::string& key);
  Status put_private(const std::string& collection, const std::string& key, Bytes value);
  Status delete_private(const std::string& collection, const std::string& key);
  // Deletes it and makes peers forget what it was, in private storage and in history.
  Status purge_private(const std::string& collection, const std::string& key);
  [[nodiscard]] Result<Results<KeyValue>> private_range(const std::string& collection, const std::string& start,
                                                        const std::string& end);
  [[nodiscard]] Result<Results<KeyValue>> private_composite_range(const std::string& collection,
                                                                  const std::string& object_type,
                                                                  const std::vector<std::string>& attributes);
  [[nodiscard]] Result<Results<KeyValue>> private_query(const std::string& collection, const std::string& rich_query);
  Status set_private_validation_parameter(const std::string& collection, const std::string& key, Bytes policy);
  [[nodiscard]] Result<std::optional<Bytes>> private_validation_parameter(const std::string& collection,
                                                                          const std::string& key);

  // Another chaincode in this transaction; `channel` empty: this one. Another channel's is read only.
  [[nodiscard]] Response invoke_chaincode(const std::string& name, const std::vector<Bytes>& args,
                                          const std::string& channel = "");

  // One event a transaction; the last one set counts. kInvalidArgument for an empty name.
  Status set_event(std::string name, Bytes payload);
  [[nodiscard]] const std::optional<Event>& event() const { return event_; }

  // Writes from now on go to the peer in few messages where it can take them so; nothing else changes.
  void start_write_batch();
  // Sends what is gathered. Called for you when the function returns.
  Status finish_write_batch();

 private:
  struct Batch;
  Stub(Context context, AskPeer ask);
  Status parse_proposal();
  [[nodiscard]] Result<std::optional<Bytes>> read(int type, const std::string& collection, const std::string& key);
  Status write(int type, const std::string& collection, const std::string& key, Bytes value);
  Status write_metadata(const std::string& collection, const std::string& key, Bytes policy);
  [[nodiscard]] Result<std::vector<std::optional<Bytes>>> read_many(const std::string& collection,
                                                                    const std::vector<std::string>& keys);
  [[nodiscard]] Result<std::optional<Bytes>> read_metadata(const std::string& collection, const std::string& key);
  [[nodiscard]] Result<Results<KeyValue>> open_range(const std::string& collection, const std::string& start,
                                                     const std::string& end);
  [[nodiscard]] Result<Page> open_page(int type, Bytes question);
  [[nodiscard]] Result<Page> page_of_range(const std::string& start, const std::string& end, int page_size,
                                           const std::string& bookmark);

  Context context_;
  AskPeer ask_;
  Bytes creator_;
  Bytes binding_;
  std::map<std::string, Bytes> transient_;
  SystemTime timestamp_;
  std::optional<Event> event_;
  std::unique_ptr<Batch> batch_;
};

}  // namespace selvage::shim
