// Runs a fuzz target without a fuzzer: every file of the folders and files named, then a fixed number of mutations of
// each, made from a fixed seed, so that a failure is seen again. Ends by the target's own crash, or with 0.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace {

constexpr int kMutationsEach = 400;

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string mutate(std::string input, std::mt19937& random) {
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : random() % bound; };
  for (size_t changes = 1 + below(4); changes > 0; --changes) {
    const size_t place = below(input.size());
    switch (below(5)) {
      case 0:
        if (!input.empty()) input[place] = static_cast<char>(random());
        break;
      case 1:
        if (!input.empty()) input[place] = static_cast<char>(input[place] ^ (1 << below(8)));
        break;
      case 2:
        input.insert(place, 1, static_cast<char>(random()));
        break;
      case 3:
        input.erase(place, 1 + below(8));
        break;
      default:
        input.resize(place);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> inputs = {""};
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> files;
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
    } else {
      files.emplace_back(argv[i]);
    }
    for (const auto& path : files) {
      std::ifstream file(path, std::ios::binary);
      inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  std::mt19937 random(1);
  for (const std::string& input : inputs) {
    run(input);
    for (int i = 0; i < kMutationsEach; ++i) run(mutate(input, random));
  }
  std::printf("%zu inputs, %d mutations of each\n", inputs.size(), kMutationsEach);
  return inputs.size() > 1 ? 0 : 1;  // a folder without a corpus proves nothing
}
