#include "lifecycle/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "crypto/hash.h"

namespace selvage::lifecycle {
namespace {

constexpr char kMetadataFile[] = "metadata.json";
constexpr char kCodeFile[] = "code.tar.gz";
constexpr size_t kEntriesMax = 100000;
constexpr size_t kPackageEntriesMax = 1000;

const log::Logger& logger() {
  static const log::Logger instance("chaincode.persistence");
  return instance;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

// libarchive has no text for some of its failures.
const char* text_of(archive* a) {
  const char* text = archive_error_string(a);
  return text == nullptr ? "malformed archive" : text;
}

struct RawEntry {
  std::string name;
  int type = 0;  // AE_IFREG ...
  int mode = 0;
  Bytes content;
};

// Every entry of a tar.gz, one after the other; `take` stops the walk with an error.
template <class Take>
Status walk(BytesView tar_gz, size_t bytes_max, size_t entries_max, Take take) {
  if (tar_gz.size() < 10) {  // Go reads the whole header before it looks at it
    return refuse(tar_gz.empty() ? "error reading as gzip stream: EOF" : "error reading as gzip stream: unexpected EOF");
  }
  if (tar_gz[0] != '\x1f' || static_cast<uint8_t>(tar_gz[1]) != 0x8b) {
    return refuse("error reading as gzip stream: gzip: invalid header");
  }
  Reader reader(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_empty(reader.get());
  if (archive_read_open_memory(reader.get(), tar_gz.data(), tar_gz.size()) != ARCHIVE_OK) {
    return refuse(fmt::format("error inspecting next tar header: {}", text_of(reader.get())));
  }
  size_t total = 0, entries = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(reader.get(), &entry);
    if (got == ARCHIVE_EOF) return {};
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
      return refuse(fmt::format("error inspecting next tar header: {}", text_of(reader.get())));
    }
    if (++entries > entries_max) return refuse(fmt::format("archive has more than {} entries", entries_max));
    const char* name = archive_entry_pathname(entry);
    RawEntry raw{name == nullptr ? "" : name, static_cast<int>(archive_entry_filetype(entry)),
                 static_cast<int>(archive_entry_perm(entry)), {}};
    char buffer[65536];
    while (true) {
      const la_ssize_t count = archive_read_data(reader.get(), buffer, sizeof buffer);
      if (count == 0) break;
      if (count < 0) return refuse(fmt::format("could not read {} from tar: {}", raw.name, text_of(reader.get())));
      total += static_cast<size_t>(count);
      if (total > bytes_max) return refuse(fmt::format("archive unpacks to more than {} bytes", bytes_max));
      raw.content.append(buffer, static_cast<size_t>(count));
    }
    SELVAGE_CHECK(take(std::move(raw)));
  }
}

bool leaves_folder(std::string_view name) {
  if (name.empty() || name[0] == '/') return true;
  while (!name.empty()) {
    const size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") return true;
    if (slash == std::string_view::npos) return false;
    name.remove_prefix(slash + 1);
  }
  return false;
}

la_ssize_t append_to(archive*, void* out, const void* bytes, size_t count) {
  static_cast<Bytes*>(out)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

// A string member of a JSON object; Go matches names whatever their case.
std::string text_member(const nlohmann::json& object, std::string_view name) {
  for (const auto& [key, value] : object.items()) {
    const bool same = key.size() == name.size() &&
                      std::equal(key.begin(), key.end(), name.begin(), [](unsigned char a, unsigned char b) {
                        return std::tolower(a) == std::tolower(b);
                      });
    if (same && value.is_string()) return value.get<std::string>();
  }
  return {};
}

Result<PackageMetadata> parse_metadata(const Bytes& text) {
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object()) {
    return refuse(fmt::format("could not unmarshal {} as json: invalid JSON", kMetadataFile));
  }
  return PackageMetadata{text_member(object, "type"), text_member(object, "path"), text_member(object, "label")};
}

}  // namespace

Status check_label(std::string_view label) {
  bool legal = !label.empty() && is_alphanumeric(label[0]);
  for (const char c : label) legal = legal && (is_alphanumeric(c) || c == '_' || c == '.' || c == '+' || c == '-');
  if (legal) return {};
  return refuse(fmt::format("invalid label '{}'. Label must be non-empty, can only consist of alphanumerics, symbols from "
                            "'.+-_', and can only begin with alphanumerics", label));
}

std::string package_id(std::string_view label, BytesView package) {
  return std::string(label) + ":" + to_hex(crypto::sha256(package));
}

std::string package_file_name(std::string_view id) {
  std::string name(id);
  if (const size_t colon = name.find(':'); colon != std::string::npos) name[colon] = '.';
  return name + ".tar.gz";
}

std::string package_id_of_file(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".tar.gz";
  constexpr size_t kHashDigits = 64;
  if (!file_name.ends_with(kSuffix)) return {};
  file_name.remove_suffix(kSuffix.size());
  if (file_name.size() < kHashDigits + 2 || file_name[file_name.size() - kHashDigits - 1] != '.') return {};
  const std::string_view hash = file_name.substr(file_name.size() - kHashDigits);
  if (hash.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  return std::string(file_name.substr(0, file_name.size() - kHashDigits - 1)) + ":" + std::string(hash);
}

Result<Package> parse_package(BytesView package) {
  Package out;
  bool has_metadata = false, has_code = false;
  SELVAGE_CHECK(walk(package, kPackageUnpackedBytesMax, kPackageEntriesMax, [&](RawEntry entry) -> Status {
    if (entry.type != AE_IFREG) {
      return refuse(fmt::format("tar entry {} is not a regular file, type {}", entry.name, entry.type == AE_IFDIR ? 53 : 50));
    }
    if (entry.name == kMetadataFile) {
      SELVAGE_TRY(out.metadata, parse_metadata(entry.content));
      out.metadata_json = std::move(entry.content);
      has_metadata = true;
    } else if (entry.name == kCodeFile) {
      out.code = std::move(entry.content);
      has_code = true;
    } else {
      LOG_WARN(logger(), "Encountered unexpected file '{}' in top level of chaincode package", escape(entry.name));
    }
    return {};
  }));
  if (!has_code) return refuse("did not find a code package inside the package");
  if (!has_metadata) return refuse(fmt::format("did not find any package metadata (missing {})", kMetadataFile));
  SELVAGE_CHECK(check_label(out.metadata.label));
  return out;
}

Result<Bytes> make_tar_gz(const std::vector<TarFile>& files) {
  Bytes out;
  Writer writer(archive_write_new(), &archive_write_free);
  archive_write_add_filter_gzip(writer.get());
  // The same input must give the same bytes: the package id is their hash.
  archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
  archive_write_set_format_ustar(writer.get());
  archive_write_set_bytes_in_last_block(writer.get(), 1);  // no padding behind the gzip stream
  const auto broken = [&] {
    return fail(Code::kInternal, fmt::format("could not write archive: {}", text_of(writer.get())));
  };
  if (archive_write_open(writer.get(), &out, nullptr, &append_to, nullptr) != ARCHIVE_OK) return broken();
  for (const TarFile& file : files) {
    Entry entry(archive_entry_new(), &archive_entry_free);
    archive_entry_set_pathname(entry.get(), file.name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), static_cast<mode_t>(file.mode & 0777));
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
    archive_entry_set_mtime(entry.get(), 0, 0);
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK) return broken();
    if (archive_write_data(writer.get(), file.content.data(), file.content.size()) !=
        static_cast<la_ssize_t>(file.content.size())) {
      return broken();
    }
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return broken();
  return out;
}

Result<Bytes> make_package(const PackageMetadata& metadata, BytesView code_tar_gz) {
  SELVAGE_CHECK(check_label(metadata.label));
  // Field order as Fabric writes it.
  nlohmann::ordered_json json;
  json["path"] = metadata.path;
  json["type"] = metadata.type;
  json["label"] = metadata.label;
  return make_tar_gz({{kMetadataFile, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), 0644},
                      {kCodeFile, Bytes(code_tar_gz), 0644}});
}

Result<std::vector<TarFile>> read_tar_gz(BytesView tar_gz, size_t bytes_max) {
  std::vector<TarFile> files;
  SELVAGE_CHECK(walk(tar_gz, bytes_max, kEntriesMax, [&](RawEntry entry) -> Status {
    if (entry.type == AE_IFDIR) return {};
    if (entry.type != AE_IFREG) return refuse(fmt::format("tar entry {} is not a regular file", escape(entry.name)));
    if (leaves_folder(entry.name)) return refuse(fmt::format("illegal file path in archive: {}", escape(entry.name)));
    files.push_back({std::move(entry.name), std::move(entry.content), entry.mode});
    return {};
  }));
  return files;
}

}  // namespace selvage::lifecycle
