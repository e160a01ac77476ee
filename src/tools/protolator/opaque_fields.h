// What the bytes inside a message are: the knowledge behind protolator.h.
//
// Fabric quirk: fabric-config/protolator/protoext.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "tools/protolator/protolator.h"

namespace selvage::tools::protolator {

// Where a message stands, as far as it decides what its bytes mean.
struct Place {
  GroupKind group = GroupKind::kNone;  // the group it is, or the group that the ConfigValue is in
  std::string key;                     // of the ConfigValue
  bool in_rwset = false;               // it is part of a read-write set of the key-value kind
};

using MessagePtr = std::unique_ptr<google::protobuf::Message>;

// How a field is shown. The order is that in which fields are read and written: what decides the meaning of others comes
// first, and the first error is the one that is told.
enum class Opening {
  kPlain,  // as protobuf's own JSON has it
  kNested,
  kNestedMap,
  kNestedList,
  kBytes,  // bytes that are a message
  kBytesMap,
  kBytesList,
  kToldBytes,  // bytes whose type another field tells
  kTree,       // a message whose own fields depend on where it stands
  kTreeMap,
  kTreeList,
};
[[nodiscard]] Opening opening_of(const google::protobuf::Message& message,
                                 const google::protobuf::FieldDescriptor& field, const Place& place);

// An empty message of the type that the bytes of `field` (under `key` if it is a map) hold. An error when it cannot be
// known.
[[nodiscard]] Result<MessagePtr> type_inside(const google::protobuf::Message& message,
                                             const google::protobuf::FieldDescriptor& field, const std::string& key,
                                             const Place& place);

// The place of a message below `message` in `field` (with `key` if the field is a map).
[[nodiscard]] Result<Place> place_below(const google::protobuf::Message& message,
                                        const google::protobuf::FieldDescriptor& field, const std::string& key,
                                        const Place& place);

// The type's name in Go, which errors show: "*common.Block", "*peerext.DynamicApplicationGroup".
[[nodiscard]] std::string go_name_of(const google::protobuf::Message& message, const Place& place);

}  // namespace selvage::tools::protolator
