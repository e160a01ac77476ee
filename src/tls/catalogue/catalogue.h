// What is known of every way in which mutual TLS goes wrong: one entry a code, and the words that programs of all makes
// print for it. `selvage explain`, doc/tls/ and whoever wants a code's title take it from here; diagnosis.h, which has
// evidence in its hands, decides which code it is and says it with the names of the case at hand.
//
// Pure, constant after the first call. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace selvage::tls {

struct Code {
  int number = 0;                       // 7: TLS-07
  std::string_view title;               // one line, lower case: "the client's certificate has expired"
  std::string_view fault;               // who has to act: "the client", "the server", "either side", ...
  std::string_view cause;               // a paragraph: what is the matter, and what hides it
  std::vector<std::string_view> fixes;  // what to do, the likeliest first; settings by name
};

// Words of some program, in the order in which they stand in its line; "..." stands for anything between.
struct Phrase {
  std::string_view words;       // as printed
  std::string_view printed_by;  // "Go (Fabric, grpc-go)", "OpenSSL (Node.js, ...)"
  std::string_view meaning;     // what the line says once it is translated, and what it does not say
  std::vector<int> codes;       // what may be behind it, the likeliest first; empty: no fault at all
};

[[nodiscard]] const std::vector<Code>& codes();      // by number
[[nodiscard]] const std::vector<Phrase>& phrases();  // the most telling first
[[nodiscard]] const Code* find_code(int number);
[[nodiscard]] std::string code_name(int number);  // "TLS-07"

// What a pasted line says. The first match is the most telling one; a line that one of our own programs wrote is
// recognised by the code in it.
struct Recognised {
  const Phrase* phrase = nullptr;  // null when the code itself stands in the line
  std::vector<int> codes;
};
// Never fails: empty when nothing is known of the line. Case, line breaks and runs of blanks do not matter; only the
// first 64 KiB are read.
[[nodiscard]] std::vector<Recognised> recognise(std::string_view line);

// Markdown of doc/tls/TLS-nn.md, and of doc/tls/README.md which lists them all.
[[nodiscard]] std::string page_of(const Code& code);
[[nodiscard]] std::string page_of_all();

}  // namespace selvage::tls
