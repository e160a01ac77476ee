#include "ops/process_metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <vector>

namespace selvage::ops {
namespace {

// The fields of /proc/self/stat from the third on: the second, a name in brackets, may hold blanks.
std::vector<std::string> stat_fields() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  const size_t end = line.rfind(')');
  std::istringstream rest(end == std::string::npos ? "" : line.substr(end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

double boot_time() {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;) {
    double seconds = 0;
    if (word == "btime" && in >> seconds) return seconds;
  }
  return 0;
}

uint64_t count_files() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder)) count += entry->d_name[0] != '.';
  ::closedir(folder);
  return count - 1;  // without the one that lists them
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures figures;
  const auto fields = stat_fields();
  const auto field = [&](size_t number) {  // numbered from 1 as in proc(5)
    return fields.size() + 2 >= number ? std::stoull("0" + fields[number - 3]) : 0;
  };
  if (fields.size() >= 22) {
    const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    figures.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
    figures.threads = field(20);
    figures.start_time = boot_time() + static_cast<double>(field(22)) / ticks;
    figures.virtual_bytes = field(23);
    figures.resident_bytes = field(24) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  figures.open_files = count_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.open_files_max = limit.rlim_cur;
  const struct mallinfo2 heap = ::mallinfo2();
  figures.heap_bytes = heap.uordblks + heap.hblkhd;
  figures.heap_held_bytes = heap.arena + heap.hblkhd;
  return figures;
}

std::map<std::string, std::string> process_metrics() {
  const ProcessFigures figures = process_figures();
  std::map<std::string, std::string> out;
  const auto add = [&](const std::string& name, const char* type, const char* help, const std::string& value) {
    out[name] = fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
  };
  add("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", fmt::format("{}", figures.cpu_seconds));
  add("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", fmt::format("{}", figures.start_time));
  add("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", fmt::format("{}", figures.resident_bytes));
  add("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", fmt::format("{}", figures.virtual_bytes));
  add("process_open_fds", "gauge", "Number of open file descriptors.", fmt::format("{}", figures.open_files));
  add("process_max_fds", "gauge", "Maximum number of open file descriptors.", fmt::format("{}", figures.open_files_max));
  add("go_goroutines", "gauge", "Number of threads: this program is not written in Go and has no goroutines.", fmt::format("{}", figures.threads));
  add("go_threads", "gauge", "Number of OS threads created.", fmt::format("{}", figures.threads));
  add("go_memstats_alloc_bytes", "gauge", "Number of bytes allocated and in use.", fmt::format("{}", figures.heap_bytes));
  add("go_memstats_heap_alloc_bytes", "gauge", "Number of heap bytes allocated and in use.", fmt::format("{}", figures.heap_bytes));
  add("go_memstats_heap_sys_bytes", "gauge", "Number of heap bytes obtained from the system.", fmt::format("{}", figures.heap_held_bytes));
  // There is no garbage collector to pause anything; dashboards find their series and see zero.
  std::string& pauses = out["go_gc_duration_seconds"];
  pauses = "# HELP go_gc_duration_seconds Pauses of garbage collection: there is none, always zero.\n# TYPE go_gc_duration_seconds summary\n";
  for (const char* quantile : {"0", "0.25", "0.5", "0.75", "1"}) pauses += fmt::format("go_gc_duration_seconds{{quantile=\"{}\"}} 0\n", quantile);
  pauses += "go_gc_duration_seconds_sum 0\ngo_gc_duration_seconds_count 0\n";
  return out;
}

}  // namespace selvage::ops
