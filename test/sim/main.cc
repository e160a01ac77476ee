// ./dev sim [SEEDS] [--first N]     that many runs, each of a seed one higher
// ./dev sim --seed N                one run, and what happens in it
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "sim/world.h"

namespace {

bool number(const char* text, uint64_t& value) {
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
  return error == std::errc() && *end == '\0';
}

int usage() {
  std::fprintf(stderr, "usage: sim [SEEDS] [--first N] | sim --seed N [--log]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace selvage;
  uint64_t seeds = 1000, first = 1;
  bool one = false, log = false;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--seed") == 0 && has_value && number(argv[i + 1], first)) {
      one = true;
      seeds = 1;
      ++i;
    } else if (std::strcmp(argv[i], "--first") == 0 && has_value && number(argv[i + 1], first)) {
      ++i;
    } else if (std::strcmp(argv[i], "--log") == 0) {
      log = true;
    } else if (!number(argv[i], seeds)) {
      return usage();
    }
  }
  (void)log::set_spec(log ? "debug" : "fatal");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  sim::Tally tally;
  const auto say = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    sim::World world(seed, one ? sim::World::Say(say) : nullptr);
    const auto violation = world.run();
    tally.add(world.tally());
    if (violation) {
      std::printf("seed %llu: %s\n%s\nagain, with what happened: ./dev sim --seed %llu\n",
                  static_cast<unsigned long long>(seed), violation->c_str(), world.faults().describe().c_str(),
                  static_cast<unsigned long long>(seed));
      return 1;
    }
  }
  std::printf(
      "%s\n",
      fmt::format(
          "seeds {} to {}: {} blocks, {} terms with a leader, {} crashes, {} disk faults, {} "
          "partitions, {} leaders cut off, {} snapshots received, {} config updates, {} messages lost, {} doubled; {} "
          "steps, and no law broken",
          first, first + seeds - 1, tally.blocks, tally.elections, tally.crashes, tally.disk_faults, tally.partitions,
          tally.depositions, tally.snapshots, tally.changes, tally.lost, tally.doubled, tally.steps)
          .c_str());
  return 0;
}
