#include "tools/selvage/rotate/channels_client.h"

#include <nlohmann/json.hpp>
#include <set>

#include "tools/osnadmin/participation_client.h"

namespace selvage::tools::rotate {
namespace {

// {"systemChannel": null, "channels": [{"name": "mychannel", "url": "/participation/v1/channels/mychannel"}]}
Result<std::vector<std::string>> names_in(const http::Response& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  std::vector<std::string> names;
  bool good = response.status == 200 && json.is_object() && json.contains("channels");
  if (good && !json["channels"].is_null()) {
    for (const auto& one : json["channels"]) {
      good = good && one.is_object() && one.contains("name") && one["name"].is_string();
      if (good) names.push_back(one["name"]);
    }
  }
  if (good) return names;
  return fail(Code::kInvalidArgument,
              "the answer is no list of channels: status " + std::to_string(response.status) + ", " +
                  escape(BytesView(response.body).substr(0, 200)),
              "", "--admin is an orderer's Admin.ListenAddress, with ChannelParticipation.Enabled: true");
}

}  // namespace

Result<std::vector<std::string>> find_channels(const std::vector<std::string>& admins,
                                               const std::shared_ptr<tls::CredentialStore>& pair,
                                               const std::shared_ptr<tls::TrustStore>& trust) {
  tls::ClientPolicy policy;
  policy.alpn = {"http/1.1"};
  policy.roots_setting = Origin{"--cafile", "", 0};
  policy.certificate_setting = Origin{"--certfile", "", 0};
  policy.is_cli = true;
  const auto context = std::make_shared<tls::ClientContext>(pair, trust, std::move(policy));
  std::set<std::string> all;
  for (const std::string& admin : admins) {
    auto response = osnadmin::ParticipationClient(admin, context).list();
    auto names = response ? names_in(*response) : Result<std::vector<std::string>>(fail(response.error()));
    if (!names) return fail(names.error().within("channels of " + admin));
    all.insert(names->begin(), names->end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

}  // namespace selvage::tools::rotate
