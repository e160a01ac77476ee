#include "rpc/http2/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace selvage::rpc {
namespace {

constexpr int kGzip = 15 + 16;  // the largest window, gzip's frame instead of zlib's

// Inflating starts over for each message: the window (40 KiB) is kept for the thread's next one.
struct Inflater {
  Inflater() : fine(inflateInit2(&stream, kGzip) == Z_OK) {}
  ~Inflater() {
    if (fine) inflateEnd(&stream);
  }
  z_stream stream{};
  bool fine;
};

struct Deflater {
  Deflater() : fine(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK) {}
  ~Deflater() {
    if (fine) deflateEnd(&stream);
  }
  z_stream stream{};
  bool fine;
};

Bytef* input(BytesView bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data())); }

}  // namespace

std::optional<Bytes> gunzip(BytesView bytes, size_t bytes_max, bool* too_large) {
  thread_local Inflater inflater;
  if (!inflater.fine || bytes.size() > std::numeric_limits<uInt>::max()) return std::nullopt;
  z_stream& stream = inflater.stream;
  if (inflateReset(&stream) != Z_OK) return std::nullopt;
  Bytes out;
  char buffer[16384];
  stream.next_in = input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  int result = Z_OK;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
    if (out.size() > bytes_max) {
      *too_large = true;
      return std::nullopt;
    }
    if (result == Z_STREAM_END && stream.avail_in > 0) {
      if (inflateReset(&stream) != Z_OK) return std::nullopt;
      continue;
    }
    if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) break;
  }
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

Bytes gzip(BytesView bytes) {
  thread_local Deflater deflater;
  if (!deflater.fine || deflateReset(&deflater.stream) != Z_OK) throw std::bad_alloc();  // zlib fails for want of memory only
  z_stream& stream = deflater.stream;
  Bytes out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = input(bytes);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  stream.avail_in = static_cast<uInt>(bytes.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace selvage::rpc
