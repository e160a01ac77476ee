#include "ledger/private/expiry.h"

#include "crypto/hash.h"
#include "ledger/private/private_store.h"
#include "ledger/rocks_database.h"
#include "ledger/state/state_store.h"
#include "ledger/state/update_batch.h"
#include "wire/fields.h"

namespace selvage::ledger {
namespace {

// One key that will have to go. In kPrivate: 'e' <channel> 0 <at block> <written by block> <chaincode> <collection> <hash>,
// the texts with their lengths -> the private key, empty where only the hash is here.
struct Note {
  uint64_t written_by = 0;
  std::string ns, collection;
  Bytes key_hash;
  Bytes key;
};

Bytes notes_at(const std::string& channel, uint64_t block) {
  Bytes out = "e" + channel;
  out.push_back('\0');
  append_big_endian(block, out);
  return out;
}

void append_text(Bytes& out, BytesView text) {
  wire::append_varint(out, text.size());
  out.append(text);
}

bool take_text(BytesView& bytes, std::string& text) {
  uint64_t size = 0;
  if (!wire::take_varint(bytes, size) || size > bytes.size()) return false;
  text = std::string(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return true;
}

Bytes encode_key(const std::string& channel, uint64_t at_block, const Note& note) {
  Bytes out = notes_at(channel, at_block);
  append_big_endian(note.written_by, out);
  append_text(out, note.ns);
  append_text(out, note.collection);
  return out.append(note.key_hash);
}

std::optional<Note> parse_note(BytesView key_rest, BytesView value) {
  Note note;
  if (key_rest.size() < 8) return std::nullopt;
  note.written_by = read_big_endian(key_rest);
  key_rest.remove_prefix(8);
  if (!take_text(key_rest, note.ns) || !take_text(key_rest, note.collection)) return std::nullopt;
  note.key_hash = Bytes(key_rest);
  note.key = Bytes(value);
  return note;
}

// What this block writes and when it has to go.
void add_notes(const std::string& channel, uint64_t block, const UpdateBatch& updates,
               const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch) {
  for (const auto& [where, keys] : updates.hashed_updates) {
    const auto& [ns, collection] = where;
    const uint64_t life = blocks_to_live(ns, collection, view);
    if (life == 0 || block + life + 1 <= block) continue;
    std::map<Bytes, std::string> plain;  // hash -> key
    if (const auto found = updates.private_updates.find(where); found != updates.private_updates.end()) {
      for (const auto& [key, update] : found->second) plain[crypto::sha256(key)] = key;
    }
    for (const auto& [key_hash, update] : keys) {
      if (!update.value) continue;
      const auto key = plain.find(key_hash);
      Note note{block, ns, collection, key_hash, {}};
      batch.put(Family::kPrivate, encode_key(channel, block + life + 1, note),
                key == plain.end() ? BytesView() : BytesView(key->second));
    }
  }
}

}  // namespace

Status add_expiry(const Database& database, const std::string& channel, uint64_t block, const UpdateBatch& updates,
                  const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch) {
  if (!blocks_to_live) return {};
  add_notes(channel, block, updates, blocks_to_live, view, batch);

  const Bytes prefix = notes_at(channel, block);
  const auto notes = database.range(Family::kPrivate, prefix, after_prefix(prefix));
  UpdateBatch gone;
  while (notes->next()) {
    const auto note = parse_note(notes->key().substr(prefix.size()), notes->value());
    if (!note) return fail(Code::kDataLoss, "private data database: malformed expiry note");
    const auto is_of = [&](const std::optional<StateValue>& value) {
      return value && value->version.block == note->written_by;
    };
    const Version version{block, ~uint64_t{0}};
    SELVAGE_TRY(const auto hashed, view.get(hash_namespace(note->ns, note->collection), note->key_hash));
    if (is_of(hashed) && !updates.find_hashed(note->ns, note->collection, note->key_hash)) {
      gone.hashed_updates[{note->ns, note->collection}][note->key_hash] = Update{std::nullopt, {}, version};
    }
    if (!note->key.empty()) {
      SELVAGE_TRY(const auto plain, view.get(private_namespace(note->ns, note->collection), note->key));
      const auto written = updates.private_updates.find({note->ns, note->collection});
      const bool again = written != updates.private_updates.end() && written->second.contains(note->key);
      if (is_of(plain) && !again) {
        gone.private_updates[{note->ns, note->collection}][note->key] = Update{std::nullopt, {}, version};
      }
    }
    SELVAGE_CHECK(add_private_removal(database, channel, note->written_by, note->ns, note->collection, batch));
  }
  SELVAGE_CHECK(notes->status());
  // The notes stay until the block after, so that applying this block again finds them.
  if (block > 0) {
    const Bytes before = notes_at(channel, block - 1);
    batch.remove_range(Family::kPrivate, before, after_prefix(before));
  }
  add_state_updates(channel, gone, batch);
  return {};
}

void add_expiring_key(const std::string& channel, uint64_t at_block, uint64_t written_by, const std::string& ns,
                      const std::string& collection, const std::string& key, WriteBatch& batch) {
  const Note note{written_by, ns, collection, crypto::sha256(key), key};
  batch.put(Family::kPrivate, encode_key(channel, at_block, note), key);
}

void add_expiring_set(const std::string& channel, uint64_t block, const std::string& ns, const std::string& collection,
                      const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch) {
  const uint64_t life = blocks_to_live ? blocks_to_live(ns, collection, view) : 0;
  const uint64_t at_block = block + life + 1;
  if (life == 0 || at_block <= block) return;
  batch.put(Family::kPrivate, encode_key(channel, at_block, Note{block, ns, collection, {}, {}}), "");
}

}  // namespace selvage::ledger
