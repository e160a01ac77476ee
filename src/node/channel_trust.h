// What a channel's configuration says about TLS: the roots of its organisations and the certificates they took back.
#pragma once

#include <vector>

#include "channel/bundle.h"
#include "tls/trust.h"

namespace selvage::node {

// Whose. An organisation may be both.
enum class Organisations { kApplication, kOrderer, kAll };

// Roots, then intermediates, of each organisation, with channel, MSP and place as provenance.
[[nodiscard]] std::vector<tls::Root> roots_of(const channel::Bundle& bundle, Organisations whose);
[[nodiscard]] std::vector<tls::Revocations> revocations_of(const channel::Bundle& bundle, Organisations whose);

}  // namespace selvage::node
