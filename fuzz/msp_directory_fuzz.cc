// An MSP's directory with whatever files. The input: parts in pairs, a byte of which file and its content. What is
// loaded signs what it can verify, and what is not is refused in one line.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "identity/posix_msp_directory.h"
#include "input.h"
#include "msp/msp_config.pb.h"
#include "scratch.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
using fuzz::expect;
namespace fs = std::filesystem;

constexpr const char* kFiles[] = {
    "config.yaml",
    "cacerts/ca.pem",
    "cacerts/other.pem",
    "intermediatecerts/ca.pem",
    "intermediatecerts/b.pem",
    "admincerts/a.pem",
    "tlscacerts/ca.pem",
    "tlscacerts/b.pem",
    "tlsintermediatecerts/ca.pem",
    "crls/list.pem",
    "crls/other.pem",
    "signcerts/cert.pem",
    "signcerts/b.pem",
    "keystore/priv_sk",
    "keystore/other_sk",
};

template <class T>
bool good(const Result<T>& result) {
  expect(result.has_value() || (!result.error().message.empty() && result.error().message.find('\n') == Bytes::npos &&
                                result.error().hint.find('\n') == Bytes::npos));
  return result.has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  static const fs::path root = fuzz::scratch("msp");
  BytesView rest = fuzz::view_of(bytes, size), which, content;
  while (fuzz::take_part(rest, which) && !which.empty() && fuzz::take_part(rest, content)) {
    const fs::path file = root / kFiles[static_cast<uint8_t>(which[0]) % std::size(kFiles)];
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  const std::string directory = root.string();
  const auto config = identity::load_verifying_msp_config(directory, "Org1MSP");
  const auto msp = good(config) ? identity::Msp::make(*config, identity::MspVersion::kV3_0)
                                : Result<std::shared_ptr<const identity::Msp>>(fail(config.error()));
  (void)good(msp);
  const auto signer = identity::load_signing_identity(directory, "Org1MSP");
  if (good(signer)) {
    const auto signature = signer->sign("message");
    expect(signature.has_value() && signer->certificate().public_key() == signer->key().public_key());
  }
  const auto local = identity::load_local_msp(directory, "Org1MSP", SystemTime(std::chrono::hours(24 * 365 * 60)));
  if (good(local)) {
    expect(msp && signer);
    const auto signature = local->signer.sign("message");
    const auto self = local->msp->deserialize(local->signer.serialized());
    expect(signature.has_value());
    expect(self.has_value());
    // As in Fabric, a node starts whose certificate has none of the units that config.yaml names; others refuse it in words.
    const auto valid = (*self)->validate();
    expect(valid.has_value() || !valid.error().message.empty());
    expect((*self)->verify("message", *signature).has_value());
  }
  std::error_code ignored;
  fs::remove_all(root, ignored);
  return 0;
}
