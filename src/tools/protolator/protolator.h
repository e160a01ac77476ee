// Fabric's JSON of a message: protobuf's own JSON, with fields whose bytes are messages themselves opened and shown,
// whatever depth they have. Scripts edit this JSON with jq.
//
// Pure. Keys are sorted, unset fields shown (null, "", [], {}), 64-bit numbers are texts. Errors are upstream's word for
// word, with the Go names of the types on the way. Fit for hostile input in both directions.
// Fabric quirk: fabric-config/protolator.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::tools::protolator {

// Which group of the configuration tree a ConfigGroup stands for decides what its values mean.
enum class GroupKind {
  kNone,
  kChannel,
  kApplication,
  kApplicationOrg,
  kOrderer,
  kOrdererOrg,
  kConsortiums,
  kConsortium,
  kConsortiumOrg
};

// Indented with tabs, one line end after it. `kind`: of a bare ConfigGroup. Errors: kInvalidArgument, with the path to
// the field that could not be opened.
[[nodiscard]] Result<std::string> to_json(const google::protobuf::Message& message, GroupKind kind = GroupKind::kNone);

// The way back; `message` is empty before and undefined after an error. The JSON may leave fields out. Errors:
// kInvalidArgument.
[[nodiscard]] Status from_json(BytesView json, google::protobuf::Message& message);

// An empty message of a type that configtxlator knows, by its name ("common.Config"). kNotFound "proto: not found".
[[nodiscard]] Result<std::unique_ptr<google::protobuf::Message>> make_message(const std::string& name);

}  // namespace selvage::tools::protolator
