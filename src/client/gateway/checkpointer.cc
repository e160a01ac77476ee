#include "client/gateway/checkpointer.h"

#include <nlohmann/json.hpp>

namespace selvage::client {

Status MemoryCheckpointer::note(Checkpoint position) {
  position_ = std::move(position);
  return {};
}

Result<std::unique_ptr<FileCheckpointer>> FileCheckpointer::open(Disk& disk, std::string path) {
  auto made = std::unique_ptr<FileCheckpointer>(new FileCheckpointer(disk, std::move(path)));
  if (!disk.exists(made->path_)) return made;
  SELVAGE_TRY(const auto text, disk.read(made->path_));
  if (text.empty()) return made;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto bad = [&] { return fail(Code::kInvalidArgument, made->path_ + " is no checkpoint of events"); };
  if (!json.is_object() || !json.contains("blockNumber")) return bad();
  // Numbers of the Go client, texts of the others.
  const auto& block = json["blockNumber"];
  if (block.is_number_unsigned()) {
    made->position_.block = block.get<uint64_t>();
  } else if (block.is_string() && !block.get<std::string>().empty() &&
             block.get<std::string>().find_first_not_of("0123456789") == std::string::npos &&
             block.get<std::string>().size() < 20) {
    made->position_.block = std::stoull(block.get<std::string>());
  } else {
    return bad();
  }
  if (json.contains("transactionId") && json["transactionId"].is_string())
    made->position_.transaction_id = json["transactionId"].get<std::string>();
  made->position_.set = true;
  return made;
}

Status FileCheckpointer::note(Checkpoint position) {
  const nlohmann::json json = {{"blockNumber", position.block}, {"transactionId", position.transaction_id}};
  SELVAGE_CHECK(disk_.write_atomically(path_, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  position_ = std::move(position);
  return {};
}

}  // namespace selvage::client
