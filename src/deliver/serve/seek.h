// What a client of Deliver asks for, and which blocks that means: the pure half of serve/. No clock, thread or socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "orderer/ab.pb.h"

namespace selvage::deliver {

// A parsed request. Owns all it holds.
struct SeekRequest {
  common::Envelope envelope;      // as received; the access check looks at its signature
  common::ChannelHeader channel;  // with the claimed hash of the client's TLS certificate
  Bytes creator;                  // serialized identity
  Bytes seek_info;                // marshalled orderer.SeekInfo; parsed only once the channel is known to exist
};

// Errors: kInvalidArgument with Fabric's words for our log (the client only sees BAD_REQUEST).
[[nodiscard]] Result<SeekRequest> parse_request(common::Envelope envelope);

struct RequestRules {
  std::chrono::nanoseconds time_window = std::chrono::minutes(15);
  // The claimed certificate hash must be that of the connection (the listener demands client certificates).
  bool bind_to_tls_certificate = false;
};

// The client's TLS certificate, as far as it matters here; empty when it sent none.
struct ClientCertificate {
  BytesView sha256;
  std::string subject;
};

// Is the request of now, and from this connection? Errors: kInvalidArgument with Fabric's words for our log, and for the trailer
// tls::kWhyTrailer.
// Fabric quirk: common/deliver/binding.go
[[nodiscard]] Status check_request(const SeekRequest& request, const RequestRules& rules, SystemTime now,
                                   const ClientCertificate& certificate);

struct SeekRange {
  uint64_t first = 0;
  // The request is done when this block was sent. It may lie before `first`: then it goes on for ever.
  // Fabric quirk: common/deliver/deliver.go compares for equality only.
  uint64_t last = 0;
  bool not_found = false;  // the start lies beyond the chain: answer NOT_FOUND without a block
};

// Which blocks `info` means on a chain of this height. Errors: kInvalidArgument (start or stop missing, stop before start).
[[nodiscard]] Result<SeekRange> resolve(const orderer::SeekInfo& info, uint64_t height, uint64_t newest);

// The block without its transactions, unless it is a config block: content type HEADER_WITH_SIG.
// Returns nullopt when the whole block is to be sent.
[[nodiscard]] std::optional<common::Block> header_only(const common::Block& block);

}  // namespace selvage::deliver
