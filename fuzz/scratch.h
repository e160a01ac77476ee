// A place for files of one run of a target: in memory where the system has that.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace selvage::fuzz {

// Of its own for each process; not made.
inline std::filesystem::path scratch(const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path memory = "/dev/shm";
  std::error_code failed;
  const bool in_memory = fs::is_directory(memory, failed) && ::access(memory.c_str(), W_OK) == 0;
  return (in_memory ? memory : fs::temp_directory_path()) / ("selvage-fuzz-" + name + "-" + std::to_string(::getpid()));
}

}  // namespace selvage::fuzz
