// connection.json of a package of type ccaas: where the chaincode listens and how to speak TLS with it. Pure.
//
// What Fabric's ccaas_builder does in three programs (detect, build, release) is one function here: the text fields are
// Go templates over CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG, and what comes out is checked at installation instead of at
// the first invocation, with every mistake named by its field.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::chaincode {

struct Connection {
  std::string address;  // host:port
  std::string domain;   // name expected in the server certificate; empty: the address's host. Fabric honours it only
                        // with client authentication (core/container/externalbuilder/instance.go); here always.
  std::chrono::nanoseconds dial_timeout = std::chrono::seconds(3);
  bool tls_required = false;
  bool client_auth_required = false;
  std::string root_cert;    // PEM
  std::string client_cert;  // PEM
  std::string client_key;   // PEM
};

// Applies the template and checks every field. `builder_config`: the JSON object of
// CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG, empty when unset. Errors: kInvalidArgument; Fabric's text where it has one
// ("chaincode address not provided"), `hint` says what to write.
[[nodiscard]] Result<Connection> parse_connection(std::string_view json, std::string_view builder_config);

// Go's text/template as far as a connection needs it: {{.name}}, {{.outer.inner}}, trimming with {{- and -}}.
// Errors: an unknown name (missingkey=error), a syntax error.
[[nodiscard]] Result<std::string> expand_template(std::string_view text, std::string_view builder_config);

}  // namespace selvage::chaincode
