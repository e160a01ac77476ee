// A message that our code made can be read by whoever gets it: strings in it are UTF-8, and nothing is too deep.
#pragma once

#include "input.h"
#include "wire/marshal.h"

namespace selvage::fuzz {

template <class Message>
void expect_readable(const Message& message, int line = __builtin_LINE()) {
  Message same;
  expect(wire::parse_into(wire::marshal(message), same).has_value(), line);
}

}  // namespace selvage::fuzz
