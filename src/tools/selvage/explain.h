// `selvage explain "LINE"`: what a line about TLS says, whatever program wrote it, and what to do.
#pragma once

#include <iosfwd>

#include "tools/terminal.h"

namespace selvage::tools::selvage_program {

// `arguments`: the words after "explain": the line in one argument or in many, or none to read it from `in` (at most
// 64 KiB); --json for machines. Exit code 0: recognised; 1: not; 2: wrong usage.
int explain(const Arguments& arguments, std::istream& in, Terminal terminal);

}  // namespace selvage::tools::selvage_program
