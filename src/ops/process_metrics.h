// Figures of this process under the names that Go's client library gives them, for dashboards made for Fabric.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace selvage::ops {

struct ProcessFigures {
  double cpu_seconds = 0;
  double start_time = 0;        // seconds since 1970
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_files = 0;
  uint64_t open_files_max = 0;
  uint64_t threads = 0;
  uint64_t heap_bytes = 0;      // in use
  uint64_t heap_held_bytes = 0; // taken from the system
};
[[nodiscard]] ProcessFigures process_figures();

// Name -> its lines in Prometheus' text format.
[[nodiscard]] std::map<std::string, std::string> process_metrics();

}  // namespace selvage::ops
