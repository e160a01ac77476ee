#include "tools/protolator/json_tree.h"

#include <cstdint>
#include <utility>

namespace selvage::tools::protolator {
namespace {

using Kind = JsonTree::Kind;

// Go allows 10,000; configuration has about 30, and each level takes stack.
constexpr int kDepthMax = 1000;

void append_rune(std::string& out, uint32_t rune) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xc0 | rune >> 6);
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xe0 | rune >> 12);
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | rune >> 18);
    out += static_cast<char>(0x80 | (rune >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  }
}

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none.
size_t sequence_at(BytesView text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const uint8_t first = byte(at);
  const auto follows = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return byte(at + i) >= low && byte(at + i) <= high;
  };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Go's quoteChar.
std::string shown(char c) {
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  const auto byte = static_cast<uint8_t>(c);
  switch (c) {
    case '\a':
      return "'\\a'";
    case '\b':
      return "'\\b'";
    case '\f':
      return "'\\f'";
    case '\n':
      return "'\\n'";
    case '\r':
      return "'\\r'";
    case '\t':
      return "'\\t'";
    case '\v':
      return "'\\v'";
    case '\\':
      return "'\\\\'";
    default:
      break;
  }
  if (byte < 0x20 || byte == 0x7f) return "'\\x" + to_hex(BytesView(&c, 1)) + "'";
  if ((byte >= 0x80 && byte <= 0xa0) || byte == 0xad) return "'\\u00" + to_hex(BytesView(&c, 1)) + "'";
  std::string text = "'";
  append_rune(text, byte);
  return text + "'";
}

class Reader {
 public:
  explicit Reader(BytesView in) : in_(in) {}

  // For a document that must be one value and no more.
  Status run_whole() {
    SELVAGE_CHECK(run());
    skip_spaces();
    if (at_ < in_.size()) return unexpected("after top-level value");
    return {};
  }

  Result<JsonTree> run() {
    skip_spaces();
    if (at_ == in_.size()) return bad("EOF");
    JsonTree tree;
    SELVAGE_CHECK(value(tree, 0));
    return tree;
  }

 private:
  static tl::unexpected<Error> bad(std::string what) { return fail(Code::kInvalidArgument, std::move(what)); }
  tl::unexpected<Error> unexpected(const std::string& where) const {
    if (at_ >= in_.size()) return bad("unexpected EOF");
    return bad("invalid character " + shown(in_[at_]) + " " + where);
  }
  void skip_spaces() {
    while (at_ < in_.size() && is_space(in_[at_])) ++at_;
  }
  [[nodiscard]] char peek() const { return at_ < in_.size() ? in_[at_] : '\0'; }
  [[nodiscard]] bool is(char c) const { return at_ < in_.size() && in_[at_] == c; }

  Status value(JsonTree& out, int depth) {
    if (depth > kDepthMax) return bad("exceeded max depth");
    skip_spaces();
    if (at_ >= in_.size()) return bad("unexpected EOF");
    switch (const char c = in_[at_]) {
      case '{':
        return map(out, depth);
      case '[':
        return list(out, depth);
      case '"':
        out.kind = Kind::kText;
        return string(out.text);
      case 't':
        out.kind = Kind::kBool;
        out.flag = true;
        return literal("true");
      case 'f':
        out.kind = Kind::kBool;
        return literal("false");
      case 'n':
        return literal("null");
      default:
        if (c == '-' || is_digit(c)) return number(out);
        return unexpected("looking for beginning of value");
    }
  }

  Status map(JsonTree& out, int depth) {
    out.kind = Kind::kMap;
    ++at_;
    skip_spaces();
    if (is('}')) {
      ++at_;
      return {};
    }
    while (true) {
      skip_spaces();
      if (!is('"')) return unexpected("looking for beginning of object key string");
      std::string key;
      SELVAGE_CHECK(string(key));
      skip_spaces();
      if (!is(':')) return unexpected("after object key");
      ++at_;
      JsonTree item;
      SELVAGE_CHECK(value(item, depth + 1));
      out.fields[key] = std::move(item);
      skip_spaces();
      if (is('}')) {
        ++at_;
        return {};
      }
      if (!is(',')) return unexpected("after object key:value pair");
      ++at_;
    }
  }

  Status list(JsonTree& out, int depth) {
    out.kind = Kind::kList;
    ++at_;
    skip_spaces();
    if (is(']')) {
      ++at_;
      return {};
    }
    while (true) {
      out.items.emplace_back();
      SELVAGE_CHECK(value(out.items.back(), depth + 1));
      skip_spaces();
      if (is(']')) {
        ++at_;
        return {};
      }
      if (!is(',')) return unexpected("after array element");
      ++at_;
    }
  }

  Status literal(const std::string& word) {
    for (size_t i = 0; i < word.size(); ++i, ++at_)
      if (!is(word[i])) return unexpected("in literal " + word + " (expecting " + shown(word[i]) + ")");
    return {};
  }

  Status number(JsonTree& out) {
    out.kind = Kind::kNumber;
    const size_t start = at_;
    if (is('-')) ++at_;
    if (is('0')) {
      ++at_;
    } else if (is_digit(peek())) {
      while (is_digit(peek())) ++at_;
    } else {
      return unexpected("in numeric literal");
    }
    if (is('.')) {
      ++at_;
      if (!is_digit(peek())) return unexpected("after decimal point in numeric literal");
      while (is_digit(peek())) ++at_;
    }
    if (is('e') || is('E')) {
      ++at_;
      if (is('+') || is('-')) ++at_;
      if (!is_digit(peek())) return unexpected("in exponent of numeric literal");
      while (is_digit(peek())) ++at_;
    }
    out.text = in_.substr(start, at_ - start);
    return {};
  }

  Status string(std::string& out) {
    ++at_;
    while (true) {
      if (at_ >= in_.size()) return bad("unexpected EOF");
      const char c = in_[at_];
      if (c == '"') {
        ++at_;
        return {};
      }
      if (static_cast<uint8_t>(c) < 0x20) return unexpected("in string literal");
      if (c == '\\') {
        ++at_;
        SELVAGE_CHECK(escaped(out));
        continue;
      }
      const size_t length = sequence_at(in_, at_);
      if (length == 0) {
        append_rune(out, 0xfffd);
        ++at_;
      } else {
        out += in_.substr(at_, length);
        at_ += length;
      }
    }
  }

  Status escaped(std::string& out) {
    static const std::string letters = "bfnrt\\/\"", meant = "\b\f\n\r\t\\/\"";
    if (at_ >= in_.size()) return bad("unexpected EOF");
    if (const size_t found = letters.find(in_[at_]); found != std::string::npos) {
      out += meant[found];
      ++at_;
      return {};
    }
    if (!is('u')) return unexpected("in string escape code");
    ++at_;
    uint32_t rune = 0;
    SELVAGE_CHECK(hex4(rune));
    if (rune < 0xd800 || rune > 0xdfff) {
      append_rune(out, rune);
      return {};
    }
    // The half of a pair; alone it is no character.
    if (rune < 0xdc00 && in_.substr(at_, 2) == "\\u") {
      const size_t back = at_;
      at_ += 2;
      uint32_t low = 0;
      SELVAGE_CHECK(hex4(low));
      if (low >= 0xdc00 && low <= 0xdfff) {
        append_rune(out, 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00));
        return {};
      }
      at_ = back;
    }
    append_rune(out, 0xfffd);
    return {};
  }

  Status hex4(uint32_t& rune) {
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return unexpected("in \\u hexadecimal character escape");
      rune = rune * 16 + static_cast<uint32_t>(digit);
    }
    return {};
  }

  BytesView in_;
  size_t at_ = 0;
};

size_t runes_of(const std::string& text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return count;
}

void place(JsonTree& tree, size_t& column) {
  tree.column = column;
  switch (tree.kind) {
    case Kind::kList:
      ++column;
      for (size_t i = 0; i < tree.items.size(); ++i) {
        if (i > 0) ++column;
        place(tree.items[i], column);
      }
      ++column;
      return;
    case Kind::kMap: {
      ++column;
      bool first = true;
      for (auto& [key, value] : tree.fields) {
        if (!first) ++column;
        first = false;
        value.key_column = column;
        column += runes_of(quoted(key)) + 1;
        place(value, column);
      }
      ++column;
      return;
    }
    default:
      column += runes_of(compact(tree));
  }
}

void write(std::string& out, const JsonTree& tree) {
  const char* between = "";
  switch (tree.kind) {
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kBool:
      out += tree.flag ? "true" : "false";
      return;
    case Kind::kNumber:
      out += tree.text;
      return;
    case Kind::kText:
      out += quoted(tree.text);
      return;
    case Kind::kList:
      out += '[';
      for (const auto& item : tree.items) {
        out += std::exchange(between, ",");
        write(out, item);
      }
      out += ']';
      return;
    case Kind::kMap:
      out += '{';
      for (const auto& [key, value] : tree.fields) {
        out += std::exchange(between, ",");
        out += quoted(key) + ":";
        write(out, value);
      }
      out += '}';
  }
}

}  // namespace

Result<JsonTree> read_json(BytesView document) {
  auto tree = Reader(document).run();
  if (!tree || tree->kind == Kind::kMap || tree->kind == Kind::kNull) return tree;
  static const char* const names[] = {"null", "bool", "number", "string", "array", "object"};
  return fail(Code::kInvalidArgument, std::string("json: cannot unmarshal ") + names[static_cast<int>(tree->kind)] +
                                          " into Go value of type map[string]interface {}");
}

std::string grammar_error(BytesView document) {
  const Status whole = Reader(document).run_whole();
  if (whole) return "";
  return whole.error().message.ends_with("EOF") ? "unexpected end of JSON input" : whole.error().message;
}

std::string compact(const JsonTree& tree) {
  std::string out;
  write(out, tree);
  return out;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (const size_t found = std::string("\b\f\n\r\t").find(c); found != std::string::npos) {
      out += '\\';
      out += "bfnrt"[found];
    } else if (static_cast<uint8_t>(c) < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00" + to_hex(BytesView(&c, 1));
    } else if (text.compare(i, 3, "\xe2\x80\xa8") == 0 || text.compare(i, 3, "\xe2\x80\xa9") == 0) {
      out += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void place_all(JsonTree& tree) {
  size_t column = 1;
  place(tree, column);
}

const char* go_type_of(const JsonTree& tree) {
  static const char* const names[] = {"<nil>", "bool", "json.Number", "string", "[]interface {}",
                                      "map[string]interface {}"};
  return names[static_cast<int>(tree.kind)];
}

}  // namespace selvage::tools::protolator
