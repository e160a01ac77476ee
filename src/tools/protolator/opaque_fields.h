// What the bytes inside a message are: the knowledge behind protolator.h.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "tools/protolator/protolator.h"

namespace selvage::tools::protolator {

// Where a message stands: the group it is, or the group and key of a ConfigValue.
struct Place {
  GroupKind group = GroupKind::kNone;
  std::string key;
};

using MessagePtr = std::unique_ptr<google::protobuf::Message>;

// An empty message of the type that the bytes of `field` hold; null when they are just bytes. An error when they hold a
// message that cannot be known.
[[nodiscard]] Result<MessagePtr> type_inside(const google::protobuf::Message& message,
                                             const google::protobuf::FieldDescriptor& field, const Place& place);

// The place of a message below `message` in `field` (with `key` if the field is a map).
[[nodiscard]] Result<Place> place_below(const google::protobuf::Message& message,
                                        const google::protobuf::FieldDescriptor& field, const std::string& key,
                                        const Place& place);

}  // namespace selvage::tools::protolator
