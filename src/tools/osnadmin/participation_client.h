// The channel participation REST calls of an orderer's admin listener.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace selvage::tls {
class ClientContext;
}

namespace selvage::tools::osnadmin {

class ParticipationClient {
 public:
  // `address`: host:port; `tls` null: plain HTTP.
  ParticipationClient(std::string address, std::shared_ptr<tls::ClientContext> tls);

  // Any HTTP status is an answer; errors have Go's words: Get "https://...": dial tcp ...: connect: connection refused.
  [[nodiscard]] Result<http::Response> join(BytesView config_block) const;
  [[nodiscard]] Result<http::Response> list() const;
  [[nodiscard]] Result<http::Response> list(const std::string& channel) const;
  [[nodiscard]] Result<http::Response> remove(const std::string& channel) const;
  [[nodiscard]] Result<http::Response> update(BytesView config_update_envelope) const;
  [[nodiscard]] Result<http::Response> fetch_block(const std::string& channel, const std::string& block) const;

 private:
  [[nodiscard]] Result<http::Response> send(const std::string& method, const std::string& path) const;
  [[nodiscard]] Result<http::Response> send_form(const std::string& method, const std::string& field,
                                                 const std::string& file_name, BytesView content) const;
  std::string base_;  // "https://host:port/participation/v1/channels"
  std::shared_ptr<tls::ClientContext> tls_;
};

}  // namespace selvage::tools::osnadmin
