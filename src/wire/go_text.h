// Protobuf messages as Go prints them with %v, for errors and log lines that hold one.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace selvage::wire {

// status:200 message:"..." payload:"..."; unset fields do not show.
[[nodiscard]] std::string go_text(const google::protobuf::Message& message);

}  // namespace selvage::wire
