// What both sides of a call share: bytes across the border, answers that live as long as the call, instances of a
// plugin by channel. Private to plugin/.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "plugin/plugin_abi.h"

namespace selvage::plugin {

[[nodiscard]] inline selvage_bytes to_abi(BytesView bytes) {
  return {bytes.data() != nullptr ? bytes.data() : "", bytes.size()};
}
[[nodiscard]] inline BytesView from_abi(selvage_bytes bytes) {
  return bytes.data != nullptr ? BytesView(bytes.data, bytes.size) : BytesView();
}
[[nodiscard]] inline std::string text_of(selvage_bytes bytes) { return std::string(from_abi(bytes)); }
[[nodiscard]] std::vector<std::string> texts_of(selvage_list list);

// One call's memory: what was given to the plugin, and what is said to be wrong.
class Answers {
 public:
  selvage_bytes keep(Bytes bytes);
  selvage_list keep(std::vector<std::optional<Bytes>> values);
  selvage_list keep(const std::vector<Bytes>& values);
  selvage_list keep(const std::map<std::string, Bytes>& pairs);  // name, value, name, value, ...

  void set_error(selvage_bytes text) { error_ = text_of(text); }
  // SELVAGE_BROKEN, with the error's message to be told.
  int broken(const Error& error);
  // SELVAGE_REFUSED, the same.
  int refused(const Error& error);

  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] bool was_broken() const { return broken_; }

 private:
  std::deque<Bytes> bytes_;
  std::deque<std::vector<selvage_bytes>> lists_;
  std::string error_;
  bool broken_ = false;
};

// Calls a plugin's function: an exception of the plugin is SELVAGE_BROKEN, and so is a number that is none of the
// three.
template <class Function>
int guarded(Function&& function) noexcept {
  try {
    const int answer = function();
    return answer == SELVAGE_OK || answer == SELVAGE_REFUSED ? answer : SELVAGE_BROKEN;
  } catch (...) {
    return SELVAGE_BROKEN;
  }
}

// A plugin's instances, one a channel, opened when first asked for and closed with this. Any thread.
class Instances {
 public:
  using Open = int (*)(selvage_open_call*, void**);
  using Close = void (*)(void*);
  Instances(Open open, Close close) : open_(open), close_(close) {}
  ~Instances();
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;

  // kInternal with the plugin's words; the next call tries again.
  [[nodiscard]] Result<void*> of(const std::string& channel);

 private:
  const Open open_;
  const Close close_;
  std::mutex mutex_;
  std::map<std::string, void*> by_channel_;
};

}  // namespace selvage::plugin
