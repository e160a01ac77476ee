#include "tools/osnadmin/participation_client.h"

#include "http/client.h"
#include "os/system_random.h"
#include "tls/context.h"

namespace selvage::tools::osnadmin {
namespace {

// Go's http client: the method with one capital, then the URL, then what went wrong.
tl::unexpected<Error> failed(const http::ClientRequest& request, Error error) {
  std::string method = request.method.substr(0, 1);
  for (size_t i = 1; i < request.method.size(); ++i)
    method += static_cast<char>(std::tolower(static_cast<unsigned char>(request.method[i])));
  return fail(error.within(method + " \"" + request.url + "\""));
}

}  // namespace

ParticipationClient::ParticipationClient(std::string address, std::shared_ptr<tls::ClientContext> tls)
    : base_((tls ? "https://" : "http://") + address + "/participation/v1/channels"), tls_(std::move(tls)) {}

Result<http::Response> ParticipationClient::send(const std::string& method, const std::string& path) const {
  http::ClientRequest request;
  request.method = method;
  request.url = base_ + path;
  request.tls = tls_;
  auto response = http::fetch(request);
  if (!response) return failed(request, response.error());
  return response;
}

Result<http::Response> ParticipationClient::send_form(const std::string& method, const std::string& field,
                                                      const std::string& file_name, BytesView content) const {
  http::ClientRequest request;
  request.method = method;
  request.url = base_;
  request.tls = tls_;
  http::FormPart part{field, file_name, "application/octet-stream", Bytes(content)};
  auto [body, type] = http::encode_multipart({std::move(part)}, to_hex(os::system_random().bytes(30)));
  request.body = std::move(body);
  request.headers.set("Content-Type", type);
  auto response = http::fetch(request);
  if (!response) return failed(request, response.error());
  return response;
}

Result<http::Response> ParticipationClient::join(BytesView config_block) const {
  return send_form("POST", "config-block", "config.block", config_block);
}

Result<http::Response> ParticipationClient::update(BytesView config_update_envelope) const {
  return send_form("PUT", "config-update-envelope", "config_update.pb", config_update_envelope);
}

Result<http::Response> ParticipationClient::list() const { return send("GET", ""); }

Result<http::Response> ParticipationClient::list(const std::string& channel) const {
  return send("GET", "/" + channel);
}

Result<http::Response> ParticipationClient::remove(const std::string& channel) const {
  return send("DELETE", "/" + channel);
}

Result<http::Response> ParticipationClient::fetch_block(const std::string& channel, const std::string& block) const {
  return send("GET", "/" + channel + "/blocks/" + block);
}

}  // namespace selvage::tools::osnadmin
