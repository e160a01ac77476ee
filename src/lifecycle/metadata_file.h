// What may stand in META-INF of a chaincode's source: definitions of indexes for a state database that has indexes (ours
// has none and ignores them; a package may go to a peer that does). `peer lifecycle chaincode package` refuses all else.
//
// Fabric quirk: internal/ccmetadata/validators.go, whose texts these are.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::lifecycle {

// `path`: from the package's root, "META-INF/statedb/couchdb/indexes/owner.json". kInvalidArgument.
[[nodiscard]] Status check_metadata_file(std::string_view path, BytesView content);

}  // namespace selvage::lifecycle
