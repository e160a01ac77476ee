#include "ops/tls_service.h"

#include <nlohmann/json.hpp>

#include "crypto/hash.h"

namespace selvage::ops {
namespace {

using Json = nlohmann::ordered_json;

Json names_of(const crypto::Certificate& certificate) {
  Json names = Json::array();
  for (const std::string& name : certificate.dns_names()) names.push_back(escape(name, 253));
  for (const Bytes& address : certificate.ip_addresses()) names.push_back(crypto::ip_to_string(address));
  return names;
}

Json usages_of(const crypto::Certificate& certificate) {
  Json usages = Json::array();
  for (const std::string& usage : certificate.extended_key_usages()) {
    usages.push_back(usage == crypto::kServerAuth ? "serverAuth" : usage == crypto::kClientAuth ? "clientAuth" : usage);
  }
  return usages;
}

Json json_of(const crypto::Certificate& certificate, SystemTime now) {
  // In seconds: nanoseconds do not reach from now to every date that a certificate may have.
  const auto left = std::chrono::floor<std::chrono::days>(certificate.not_after() - std::chrono::floor<std::chrono::seconds>(now));
  return {{"subject", escape(certificate.subject(), 400)},
          {"issuer", escape(certificate.issuer(), 400)},
          {"serial", certificate.serial_hex()},
          {"sha256", to_hex(certificate.sha256())},
          {"not_before", crypto::to_rfc3339(certificate.not_before())},
          {"not_after", crypto::to_rfc3339(certificate.not_after())},
          {"days_left", left.count()},
          {"eku", usages_of(certificate)},
          {"san", names_of(certificate)},
          {"ca", certificate.is_ca()}};
}

// What is no UTF-8 (a file's name, an old certificate's text) is shown as such, and does not end the node.
std::string page_of(const Json& page) { return page.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string certificates_json(const tls::Registry& registry, SystemTime now) {
  Json all = Json::array();
  for (const tls::Pair& pair : registry.pairs()) {
    const auto credentials = pair.store->current();
    if (!credentials) continue;
    Json chain = Json::array();
    for (const auto& certificate : credentials->chain()) chain.push_back(json_of(certificate, now));
    const tls::CredentialFiles& files = credentials->files();
    Json use = Json::array();
    if (pair.as_server) use.push_back("server");
    if (pair.as_client) use.push_back("client");
    all.push_back({{"role", pair.role},
                   {"use", use},
                   {"setting", files.certificate_origin.to_string()},
                   {"file", files.certificate_path},
                   {"key_setting", files.key_origin.to_string()},
                   {"key_file", files.key_path},
                   {"hosts", pair.hosts},
                   {"chain", chain}});
  }
  Json watched = Json::array();
  for (const tls::Watched& one : registry.watched()) {
    Json entry{{"role", one.role}, {"source", one.source}};
    entry["certificate"] = json_of(one.certificate, now);
    watched.push_back(std::move(entry));
  }
  return page_of(Json{{"certificates", all}, {"watched", watched}});
}

std::string trust_json(const tls::Registry& registry, SystemTime now) {
  Json pools = Json::array();
  for (const tls::Pool& pool : registry.pools()) {
    const auto trust = pool.store->current();
    Json roots = Json::array();
    for (const tls::Root& root : trust->roots()) {
      Json from{{"text", root.from.to_string()}};
      switch (root.from.kind) {
        case tls::Provenance::Kind::kFile:
          from.update(Json{{"kind", "file"}, {"setting", root.from.origin.to_string()}, {"file", root.from.file}});
          break;
        case tls::Provenance::Kind::kChannel:
          from.update(Json{{"kind", "channel"}, {"channel", root.from.channel}, {"msp", root.from.msp_id},
                           {"intermediate", root.from.intermediate}});
          break;
        case tls::Provenance::Kind::kMade: from["kind"] = "made"; break;
      }
      from["index"] = root.from.index;
      Json entry = json_of(root.certificate, now);
      entry["from"] = std::move(from);
      roots.push_back(std::move(entry));
    }
    pools.push_back({{"name", pool.name}, {"judges", pool.of_clients ? "clients" : "servers"}, {"version", trust->version()}, {"roots", roots}});
  }
  return page_of(Json{{"pools", pools}});
}

std::string connections_json(const std::vector<TlsConnection>& connections, SystemTime now) {
  Json all = Json::array();
  for (const TlsConnection& one : connections) {
    Json entry{{"listener", one.listener}, {"peer", one.peer},     {"verified", one.verified}, {"version", one.version},
               {"cipher", one.cipher},     {"group", one.group},   {"binding", one.binding}};
    auto certificate = crypto::Certificate::from_der(one.certificate);
    entry["certificate"] = certificate ? json_of(*certificate, now) : Json(nullptr);
    all.push_back(std::move(entry));
  }
  return page_of(Json{{"connections", all}});
}

std::string visitors_json(const tls::Visitors* visitors, SystemTime now) {
  Json all = Json::array();
  for (const tls::Visitor& one : visitors == nullptr ? std::vector<tls::Visitor>() : visitors->all()) {
    const auto time = [](SystemTime at) { return crypto::to_rfc3339(std::chrono::floor<std::chrono::seconds>(at)); };
    Json entry{{"listener", one.listener}, {"source", one.source}, {"connections", one.count}, {"first", time(one.first)}, {"last", time(one.last)}};
    entry["certificate"] = one.chain.empty() ? Json(nullptr) : json_of(one.chain.front(), now);
    entry["would_be_refused"] = one.refusal != nullptr;
    entry["code"] = one.refusal ? one.refusal->code : "";
    entry["cause"] = one.refusal ? one.refusal->cause : "";
    entry["remedy"] = one.refusal ? one.refusal->remedy : "";
    all.push_back(std::move(entry));
  }
  return page_of(Json{{"certificates_demanded", visitors == nullptr}, {"visitors", all}});
}

std::string reloaded_json(const std::vector<tls::Reloaded>& outcomes) {
  Json all = Json::array();
  bool refused = false;
  for (const tls::Reloaded& one : outcomes) {
    using Outcome = tls::Reloaded::Outcome;
    refused = refused || one.outcome == Outcome::kRefused;
    all.push_back({{"what", one.what},
                   {"outcome", one.outcome == Outcome::kTaken ? "taken" : one.outcome == Outcome::kRefused ? "refused" : "unchanged"},
                   {"reason", one.reason}});
  }
  return page_of(Json{{"refused", refused}, {"reloaded", all}});
}

void add_tls_pages(http::Server& server, TlsPages pages) {
  const auto shared = std::make_shared<const TlsPages>(std::move(pages));
  const auto add = [&](const char* path, const char* method, std::function<std::string()> body, std::function<int(const std::string&)> status = {}) {
    server.add(path, [method, body = std::move(body), status = std::move(status)](const http::Request& request) {
      // The server asked for the certificate already where TLS is on; in plaintext nobody can show one.
      if (!request.peer.verified) {
        return http::Response::json(403, Json{{"error", "this page needs a verified client certificate: switch TLS on for the "
                                                        "operations listener (operations.tls, Operations.TLS)"}}.dump() + "\n");
      }
      if (request.method != method) {
        return http::Response::json(405, Json{{"error", "invalid request method: " + escape(request.method, 32)}}.dump() + "\n");
      }
      const std::string text = body();
      return http::Response::json(status ? status(text) : 200, text);
    }, true);
  };
  const auto now = [] { return std::chrono::system_clock::now(); };
  add("/tls/certificates", "GET", [shared, now] { return certificates_json(*shared->registry, now()); });
  add("/tls/trust", "GET", [shared, now] { return trust_json(*shared->registry, now()); });
  add("/tls/connections", "GET", [shared, now] {
    return connections_json(shared->connections ? shared->connections() : std::vector<TlsConnection>(), now());
  });
  add("/tls/visitors", "GET", [shared, now] { return visitors_json(shared->visitors.get(), now()); });
  // 409: something was refused, and what was in force stays.
  add("/tls/reload", "PUT", [shared] { return reloaded_json(shared->reload ? shared->reload() : std::vector<tls::Reloaded>()); },
      [](const std::string& text) { return text.find("\"refused\": true") == std::string::npos ? 200 : 409; });
}

}  // namespace selvage::ops
