#include "crypto/pem.h"

#include <algorithm>
#include <optional>

#include "crypto/hash.h"

namespace selvage::crypto {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

std::string_view trim(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

// "-----BEGIN X-----" -> X.
std::optional<std::string_view> label_of(std::string_view line, std::string_view opening) {
  line = trim(line);
  if (!line.starts_with(opening) || !line.ends_with(kDashes) || line.size() < opening.size() + kDashes.size()) {
    return std::nullopt;
  }
  return line.substr(opening.size(), line.size() - opening.size() - kDashes.size());
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ++number_;
    return true;
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  std::string_view rest_;
  int number_ = 0;
};

}  // namespace

std::vector<PemBlock> parse_pem(std::string_view text, std::vector<int>* broken_lines) {
  std::vector<PemBlock> blocks;
  Lines lines(text);
  std::string_view line;
  std::optional<PemBlock> open;
  Bytes base64;
  auto broken = [&] {
    if (open && broken_lines != nullptr) broken_lines->push_back(open->line);
    open.reset();
  };
  while (lines.next(line)) {
    if (auto label = label_of(line, kBegin)) {  // a block without an end is dropped, as Go does
      broken();
      open = PemBlock{std::string(*label), {}, false, lines.number()};
      wipe(base64);
      continue;
    }
    if (!open) continue;
    if (auto label = label_of(line, kEnd)) {
      auto der = from_base64(base64);
      if (*label == open->label && der) {
        open->der = std::move(*der);
        blocks.push_back(std::move(*open));
        open.reset();
      }
      broken();
      wipe(base64);
      continue;
    }
    std::string_view content = trim(line);
    if (base64.empty() && content.find(':') != std::string_view::npos) {
      open->has_headers = true;
      continue;
    }
    base64 += content;
  }
  broken();
  wipe(base64);
  return blocks;
}

std::string encode_pem(std::string_view label, BytesView der) {
  std::string out = std::string(kBegin) + std::string(label) + std::string(kDashes) + "\n";
  Bytes base64 = to_base64(der);
  for (size_t i = 0; i < base64.size(); i += 64) {
    out.append(base64, i, 64);
    out += '\n';
  }
  wipe(base64);
  return out + std::string(kEnd) + std::string(label) + std::string(kDashes) + "\n";
}

std::string describe_non_pem(std::string_view text, std::string_view wanted) {
  auto contains = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; })) {
    return "is empty";
  }
  if (text.starts_with("\xef\xbb\xbf")) return "starts with a byte order mark (BOM): save it without";
  if (text.size() > 4 && text[0] == 0x30 && static_cast<uint8_t>(text[1]) >= 0x80) {
    return "looks like DER: convert it with openssl (-inform DER -outform PEM)";
  }
  auto blocks = parse_pem(text);
  for (auto& block : blocks) wipe(block.der);
  if (!blocks.empty()) {
    const std::string& label = blocks.front().label;
    if (label == "ENCRYPTED PRIVATE KEY" || (blocks.front().has_headers && label.ends_with("PRIVATE KEY"))) {
      return "holds an encrypted key: Fabric keys must be plain PKCS#8 or SEC 1 (openssl pkey -in ... -out ...)";
    }
    if (label.ends_with("PRIVATE KEY")) return "holds a private key (BEGIN " + escape(label, 40) + ")";
    if (label == "CERTIFICATE" && wanted != "CERTIFICATE") return "holds a certificate, no key";
    if (label == "TRUSTED CERTIFICATE") {
      return "holds OpenSSL's TRUSTED CERTIFICATE form: convert it with openssl x509 -in ... -out ...";
    }
    return "holds a " + escape(label, 40) + " block, no " + std::string(wanted);
  }
  if (contains("-----BEGIN")) {
    if (contains("\\n")) return "contains literal backslash-n in place of line breaks";
    if (std::count(text.begin(), text.end(), '\n') < 2) return "has a BEGIN line but no line breaks";
    return "has a BEGIN line but no whole block: its end is missing or its base64 is damaged";
  }
  std::string compact;
  for (char c : text.substr(0, 8192)) {
    if (c != '\n' && c != '\r' && c != ' ') compact += c;
  }
  if (compact.starts_with("LS0tLS1CRUdJTi")) return "is base64 of PEM: decode it once (the *_PATH variables of chaincode hold that form)";
  return "holds no PEM block (-----BEGIN " + std::string(wanted) + "-----)";
}

}  // namespace selvage::crypto
