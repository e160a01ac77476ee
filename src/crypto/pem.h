// PEM text -> blocks, with the line of each, so that a message about a file can say where in it.
//
// Pure. As lenient as Go's encoding/pem: text around the blocks, CRLF, headers and a missing last newline are fine; what is
// not a whole block is skipped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace selvage::crypto {

struct PemBlock {
  std::string label;        // "CERTIFICATE"
  Bytes der;                // decoded content
  bool has_headers = false; // "Proc-Type: 4,ENCRYPTED" and the like
  int line = 0;             // of its BEGIN, 1-based
};

// The blocks in order. The caller wipes those that hold keys. `broken_lines`, if given, receives the lines of the BEGINs
// that no whole block follows.
[[nodiscard]] std::vector<PemBlock> parse_pem(std::string_view text, std::vector<int>* broken_lines = nullptr);
// Lines of 64 characters, LF, as Go writes it.
[[nodiscard]] std::string encode_pem(std::string_view label, BytesView der);

// What `text` seems to be when a `wanted` block ("CERTIFICATE", "PRIVATE KEY") was not found in it: "looks like DER",
// "contains literal backslash-n", "is base64 of PEM", "holds a private key", ... A phrase to put after "the file"; never
// quotes the text.
[[nodiscard]] std::string describe_non_pem(std::string_view text, std::string_view wanted);

}  // namespace selvage::crypto
