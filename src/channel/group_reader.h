// Config groups -> the structs of orderer_config.h and application_config.h. Private to channel/.
// Fabric quirk: common/channelconfig/*.go; the texts are theirs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "channel/application_config.h"
#include "channel/orderer_config.h"
#include "identity/msp.h"

namespace common {
class ConfigGroup;
}

namespace selvage::channel {

// Makes the MSPs of a configuration; one id has one MSP, whatever groups name it.
class MspReader {
 public:
  explicit MspReader(identity::MspVersion version) : version_(version) {}
  // From the marshalled msp.MSPConfig of an organisation's MSP value.
  [[nodiscard]] Result<std::shared_ptr<const identity::Msp>> read(const std::string& org, const Bytes& msp_config);
  [[nodiscard]] std::vector<std::shared_ptr<const identity::Msp>> msps() const;

 private:
  identity::MspVersion version_;
  std::map<std::string, std::pair<Bytes, std::shared_ptr<const identity::Msp>>> by_id_;
};

[[nodiscard]] Result<OrdererConfig> read_orderer_group(const ::common::ConfigGroup& group, MspReader& msps,
                                                       const ChannelCapabilities& channel);
[[nodiscard]] Result<ApplicationConfig> read_application_group(const ::common::ConfigGroup& group, MspReader& msps);
// Consortiums are read for their MSPs only.
[[nodiscard]] Status read_consortiums_group(const ::common::ConfigGroup& group, MspReader& msps);

// Capability names of a marshalled common.Capabilities.
[[nodiscard]] Result<std::set<std::string, std::less<>>> read_capabilities(const Bytes& value);

}  // namespace selvage::channel
