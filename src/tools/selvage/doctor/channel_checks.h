// The checks of `selvage doctor tls` over one channel's configuration. Pure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "channel/bundle.h"
#include "crypto/certificate.h"
#include "tls/trust.h"
#include "tools/selvage/doctor/file_checks.h"
#include "tools/selvage/doctor/report.h"

namespace selvage::tools::doctor {

struct ChannelConsenter {
  std::string name;     // "consenter 2"
  std::string address;  // "orderer2:7050"
  crypto::Certificate server;
  crypto::Certificate client;
};

// What the configuration says about TLS.
struct ChannelTls {
  std::string channel;
  std::vector<tls::Root> roots;          // of all organisations, with where they stand
  std::vector<tls::Root> orderer_roots;  // of the orderer organisations
  std::vector<ChannelConsenter> consenters;
  std::vector<Ending> endings;  // of all certificates in it
};

// Judges organisations' roots and consenters' certificates, and whether the node's own pairs fit; section "channel C".
[[nodiscard]] ChannelTls check_channel(const channel::Bundle& bundle, const NodeTls* node, const OwnFiles& own,
                                       std::chrono::sys_seconds now, Report& report);

// In which order the consenters are best given new certificates; section "rotation plan". `leader` may be empty.
void plan_rotation(const ChannelTls& channel, const std::string& leader, Report& report);

// Consenters of an etcdraft or BFT channel. Errors: kInvalidArgument.
[[nodiscard]] Result<std::vector<ChannelConsenter>> consenters_of(const channel::Bundle& bundle);

}  // namespace selvage::tools::doctor
