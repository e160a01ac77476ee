#include "tls/catalogue/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tls/catalogue/tables.h"

namespace selvage::tls {
namespace {

constexpr size_t kLineMax = 64 * 1024;

// Lower case, every run of blanks one blank: how both sides of a comparison are written. An underscore is a blank:
// BoringSSL says TLSV1_ALERT_UNKNOWN_CA where OpenSSL says "tlsv1 alert unknown ca".
std::string plain(std::string_view text) {
  std::string out;
  out.reserve(std::min(text.size(), kLineMax));
  for (char c : text.substr(0, kLineMax)) {
    bool blank = c == ' ' || c == '_' || (c >= '\t' && c <= '\r');
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

bool contains_in_order(const std::string& line, std::string_view words) {
  size_t from = 0;
  while (!words.empty()) {
    size_t gap = words.find("...");
    std::string part = plain(words.substr(0, gap));
    if (part.ends_with(' ')) part.pop_back();
    size_t at = line.find(part, from);
    if (at == std::string::npos) return false;
    from = at + part.size();
    words = gap == std::string_view::npos ? std::string_view() : words.substr(gap + 3);
  }
  return true;
}

// "tls-07" anywhere in the line.
std::optional<int> code_in(const std::string& line) {
  for (size_t at = line.find("tls-"); at != std::string::npos; at = line.find("tls-", at + 1)) {
    if (at + 6 > line.size()) break;
    char tens = line[at + 4];
    char ones = line[at + 5];
    if (tens < '0' || tens > '9' || ones < '0' || ones > '9') continue;
    int number = (tens - '0') * 10 + (ones - '0');
    if (find_code(number) != nullptr) return number;
  }
  return std::nullopt;
}

std::vector<const Phrase*> phrases_of(int number) {
  std::vector<const Phrase*> out;
  for (const Phrase& phrase : phrases()) {
    if (std::find(phrase.codes.begin(), phrase.codes.end(), number) != phrase.codes.end()) out.push_back(&phrase);
  }
  return out;
}

std::string in_cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

const std::vector<Code>& codes() {
  static const std::vector<Code> all = [] {
    std::vector<Code> list = codes_of_client_certificates();
    for (const auto& more :
         {codes_of_own_files(), codes_of_server_certificates(), codes_of_listeners_and_identities()}) {
      list.insert(list.end(), more.begin(), more.end());
    }
    std::sort(list.begin(), list.end(), [](const Code& a, const Code& b) { return a.number < b.number; });
    return list;
  }();
  return all;
}

const std::vector<Phrase>& phrases() {
  static const std::vector<Phrase> all = [] {
    std::vector<Phrase> list = phrases_of_certificates();
    for (Phrase& one : phrases_of_connections()) list.push_back(std::move(one));
    return list;
  }();
  return all;
}

const Code* find_code(int number) {
  for (const Code& code : codes()) {
    if (code.number == number) return &code;
  }
  return nullptr;
}

std::string code_name(int number) { return fmt::format("TLS-{:02}", number); }

std::vector<Recognised> recognise(std::string_view text) {
  std::string line = plain(text);
  std::vector<Recognised> found;
  if (auto number = code_in(line)) found.push_back({nullptr, {*number}});
  for (const Phrase& phrase : phrases()) {
    if (contains_in_order(line, phrase.words)) found.push_back({&phrase, phrase.codes});
  }
  return found;
}

std::string page_of(const Code& code) {
  std::string page = fmt::format("# {}: {}\n\nWho has to act: {}.\n\n{}\n\n## What to do\n", code_name(code.number),
                                 code.title, code.fault, code.cause);
  for (std::string_view fix : code.fixes) page += fmt::format("- {}\n", fix);
  auto seen = phrases_of(code.number);
  if (!seen.empty()) {
    page += "\n## Words that may stand for it\n| printed by | words |\n|---|---|\n";
    for (const Phrase* phrase : seen) {
      page += fmt::format("| {} | `{}` |\n", in_cell(phrase->printed_by), in_cell(phrase->words));
    }
    page += "\nMost of these words stand for other codes too: the log of the side that refused has the reason.\n";
  }
  return page;
}

std::string page_of_all() {
  std::string page =
      "# Codes of mutual TLS\n\n"
      "The same code stands in a node's log, in the tools' errors and in what the SDK says. In a log it follows the "
      "line that\n"
      "Fabric prints, which keeps its words so that searches and dashboards go on to work; then come whose fault it "
      "most likely\n"
      "is, the peer's certificate (unverified), the roots in force with the setting or channel they came from, and "
      "what to\n"
      "change. `TLS-00` means that the evidence proves none of the causes below; the record then lists what was "
      "seen.\n\n"
      "`selvage explain \"LINE\"` finds the code behind a line of any program: Go, Node.js, Python, Java, OpenSSL.\n\n"
      "| code | what happened | who has to act |\n|---|---|---|\n";
  for (const Code& code : codes()) {
    page += fmt::format("| [{0}]({0}.md) | {1} | {2} |\n", code_name(code.number), in_cell(code.title), code.fault);
  }
  return page;
}

}  // namespace selvage::tls
