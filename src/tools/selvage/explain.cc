#include "tools/selvage/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "tls/catalogue/catalogue.h"

namespace selvage::tools::selvage_program {
namespace {

constexpr size_t kInputMax = 64 * 1024;
constexpr size_t kWidth = 110;
constexpr size_t kCodesShown = 6;

constexpr const char* kUsage =
    "usage: selvage explain [--json] \"LINE\"\n\n"
    "Says what a line of a log or of a client's error means when it is about TLS, whatever program wrote it (Go, "
    "Node.js,\n"
    "Python, Java, OpenSSL, or one of ours), whose certificate it is about, and what to do. Without LINE it is read "
    "from\n"
    "standard input.\n";

std::string read_all(std::istream& in) {
  std::string text(kInputMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

// `text` under a label of twelve characters, broken between words.
std::string labelled(std::string_view label, std::string_view text) {
  constexpr size_t kIndent = 12;
  std::string out = fmt::format("{:<{}}", label, kIndent);
  size_t column = kIndent;
  while (!text.empty()) {
    size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    if (column > kIndent && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

// Each code once, in the order in which the line makes them likely.
std::vector<int> ranked(const std::vector<tls::Recognised>& found) {
  std::vector<int> out;
  for (const auto& match : found) {
    for (int number : match.codes) {
      if (std::find(out.begin(), out.end(), number) == out.end()) out.push_back(number);
    }
  }
  if (out.size() > kCodesShown) out.resize(kCodesShown);
  return out;
}

void print(const std::vector<tls::Recognised>& found, std::ostream& out) {
  const tls::Phrase* phrase = found.front().phrase;
  auto numbers = phrase == nullptr ? found.front().codes : ranked(found);
  if (phrase != nullptr) {
    out << labelled("recognised", fmt::format("{}   (printed by {})", phrase->words, phrase->printed_by))
        << labelled("means", phrase->meaning);
  }
  bool first = true;
  for (int number : numbers) {
    const tls::Code& code = *tls::find_code(number);
    out << labelled(!first                ? ""
                    : numbers.size() == 1 ? "code"
                                          : "likely",
                    fmt::format("{}  {}  (to act: {})", tls::code_name(number), code.title, code.fault));
    first = false;
  }
  const tls::Code& likeliest = *tls::find_code(numbers.front());
  out << "\n" << labelled(tls::code_name(likeliest.number), likeliest.cause);
  for (std::string_view fix : likeliest.fixes) out << labelled("  fix", fix);
  if (numbers.size() > 1) {
    out << "\n"
        << labelled(
               "to be sure",
               "a Selvage node writes the code, the certificate that came and the setting right after the line in its "
               "log; for another code: selvage explain TLS-nn, or doc/tls/TLS-nn.md");
  }
}

nlohmann::ordered_json to_json(const std::vector<tls::Recognised>& found) {
  nlohmann::ordered_json codes = nlohmann::ordered_json::array();
  const tls::Phrase* phrase = found.empty() ? nullptr : found.front().phrase;
  for (int number : found.empty() || phrase != nullptr ? ranked(found) : found.front().codes) {
    const tls::Code& code = *tls::find_code(number);
    codes.push_back({{"code", tls::code_name(number)},
                     {"title", code.title},
                     {"to_act", code.fault},
                     {"cause", code.cause},
                     {"fixes", code.fixes}});
  }
  nlohmann::ordered_json out;
  if (phrase != nullptr) {
    out["recognised"] = phrase->words;
    out["printed_by"] = phrase->printed_by;
    out["means"] = phrase->meaning;
  }
  out["codes"] = std::move(codes);
  return out;
}

}  // namespace

int explain(const Arguments& arguments, std::istream& in, Terminal terminal) {
  bool json = false;
  std::string line;
  for (const std::string& argument : arguments) {
    if (argument == "--json") {
      json = true;
    } else if (argument == "--help" || argument == "-h") {
      terminal.err << kUsage;
      return 0;
    } else if (line.empty() && argument.starts_with("--")) {
      terminal.err << "selvage: error: unknown long flag '" << argument << "', try explain --help\n";
      return 2;
    } else {
      line += (line.empty() ? "" : " ") + argument;
    }
  }
  if (line.empty()) line = read_all(in);
  if (line.find_first_not_of(" \t\r\n") == std::string::npos) {
    terminal.err << kUsage;
    return 2;
  }
  auto found = tls::recognise(line);
  if (json) {
    terminal.out << to_json(found).dump(2) << "\n";
  } else if (found.empty()) {
    terminal.err << "selvage: nothing is known of this line. Give the whole line; with gRPC clients the cause stands "
                    "in a line above the "
                    "last one, or in the log of the node that was dialled\n";
  } else {
    print(found, terminal.out);
  }
  return found.empty() ? 1 : 0;
}

}  // namespace selvage::tools::selvage_program
