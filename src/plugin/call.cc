#include "plugin/call.h"

namespace selvage::plugin {
namespace {

struct OpenCall : selvage_open_call {
  std::string error;
};

}  // namespace

std::vector<std::string> texts_of(selvage_list list) {
  std::vector<std::string> out;
  out.reserve(list.count);
  for (size_t i = 0; i < list.count; i++) out.push_back(text_of(list.items[i]));
  return out;
}

selvage_bytes Answers::keep(Bytes bytes) { return to_abi(bytes_.emplace_back(std::move(bytes))); }

selvage_list Answers::keep(std::vector<std::optional<Bytes>> values) {
  auto& list = lists_.emplace_back();
  list.reserve(values.size());
  for (auto& value : values) list.push_back(value ? keep(std::move(*value)) : selvage_bytes{nullptr, 0});
  return {list.data(), list.size()};
}

selvage_list Answers::keep(const std::vector<Bytes>& values) {
  return keep(std::vector<std::optional<Bytes>>(values.begin(), values.end()));
}

selvage_list Answers::keep(const std::map<std::string, Bytes>& pairs) {
  std::vector<Bytes> flat;
  for (const auto& [name, value] : pairs) {
    flat.push_back(name);
    flat.push_back(value);
  }
  return keep(flat);
}

int Answers::broken(const Error& error) {
  error_ = error.message;
  broken_ = true;
  return SELVAGE_BROKEN;
}

int Answers::refused(const Error& error) {
  error_ = error.message;
  return SELVAGE_REFUSED;
}

Instances::~Instances() {
  if (close_ == nullptr) return;
  for (const auto& [channel, instance] : by_channel_) {
    guarded([this, instance = instance] {
      close_(instance);
      return SELVAGE_OK;
    });
  }
}

Result<void*> Instances::of(const std::string& channel) {
  std::lock_guard lock(mutex_);
  if (const auto known = by_channel_.find(channel); known != by_channel_.end()) return known->second;
  OpenCall call{};
  call.size = sizeof(selvage_open_call);
  call.channel = to_abi(channel);
  call.set_error = [](selvage_open_call* self, selvage_bytes text) {
    static_cast<OpenCall*>(self)->error = text_of(text);
  };
  void* instance = nullptr;
  if (open_ != nullptr && guarded([&] { return open_(&call, &instance); }) != SELVAGE_OK) {
    return fail(Code::kInternal, call.error.empty() ? "the plugin could not be opened" : call.error);
  }
  by_channel_.emplace(channel, instance);
  return instance;
}

}  // namespace selvage::plugin
