#include "chaincode/listener/endpoint.h"

#include <string_view>

namespace selvage::chaincode {
namespace {

constexpr const char* kDefaultPort = "7052";

bool is_unspecified(std::string_view host) { return host == "0.0.0.0" || host == "::"; }

std::string join(const std::string& host, std::string_view port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::string(port);
}

tl::unexpected<Error> no_endpoint(const std::string& cause) {
  return fail(Code::kInvalidArgument, "invalid endpoint for chaincode to connect", cause,
              "set peer.chaincodeAddress (CORE_PEER_CHAINCODEADDRESS) to a host:port that chaincode can reach");
}

tl::unexpected<Error> not_an_address(const char* key, const std::string& address) {
  return fail(Code::kInvalidArgument, "address " + address + ": missing port in address", key,
              std::string("write ") + key + " as host:port");
}

}  // namespace

std::string host_of(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return "";
  if (address.starts_with('[')) return colon > 1 && address[colon - 1] == ']' ? address.substr(1, colon - 2) : "";
  const std::string host = address.substr(0, colon);
  return host.find(':') == std::string::npos ? host : "";
}

Result<std::string> chaincode_endpoint(const std::string& chaincode_address, const std::string& listen_address,
                                       const std::string& peer_host) {
  if (!chaincode_address.empty()) {
    if (chaincode_address.rfind(':') == std::string::npos) return not_an_address("peer.chaincodeAddress", chaincode_address);
    if (is_unspecified(host_of(chaincode_address)))
      return no_endpoint("peer.chaincodeAddress is " + chaincode_address);
    return chaincode_address;
  }
  if (!listen_address.empty()) {
    const size_t colon = listen_address.rfind(':');
    if (colon == std::string::npos) return not_an_address("peer.chaincodeListenAddress", listen_address);
    if (!is_unspecified(host_of(listen_address))) return listen_address;
    if (is_unspecified(peer_host)) return no_endpoint("peer.chaincodeListenAddress and peer.address are both unspecified");
    return join(peer_host, std::string_view(listen_address).substr(colon + 1));
  }
  if (is_unspecified(peer_host)) return no_endpoint("peer.address is unspecified");
  return join(peer_host, kDefaultPort);
}

}  // namespace selvage::chaincode
