#include "tools/selvage/selvage.h"

#include <iostream>
#include <ostream>

#include "lifecycle/package.h"
#include "os/system_clock.h"
#include "tools/kingpin.h"
#include "tools/selvage/ccaas_package.h"
#include "tools/selvage/compare/compare.h"
#include "tools/selvage/doctor/doctor.h"
#include "tools/selvage/doctor/watch.h"
#include "tools/selvage/explain.h"
#include "tools/selvage/rotate/rotate.h"
#include "tools/selvage/trust/trust.h"

namespace selvage::tools::selvage_program {
namespace {

kingpin::Flag flag(const char* name, const char* help, bool required = false, const char* fallback = "") {
  return {name, help, 0, fallback, required, false, false};
}

kingpin::Flag many(const char* name, const char* help) {
  kingpin::Flag made = flag(name, help);
  made.many = true;
  return made;
}

std::vector<kingpin::Flag> trust_flags() {
  return {many("node", "Operations listener of a Selvage node, host:port"),
          flag("cafile", "CA of the listeners' certificates", true), flag("certfile", "Our TLS certificate", true),
          flag("keyfile", "Its private key", true)};
}

std::vector<kingpin::Flag> watch_flags() {
  std::vector<kingpin::Flag> flags = trust_flags();
  flags.push_back({"once", "Look once instead of going on", 0, "", false, true, false});
  return flags;
}

std::vector<kingpin::Flag> rotate_flags() {
  return {
      flag("node", "The consenter, host:port as the channels name it", true),
      flag("new-cert", "Its new TLS certificate", true),
      flag("new-key", "The private key of it", true),
      flag("new-client-cert", "Its new certificate for dialling, where it is another one"),
      flag("new-client-key", "The private key of that"),
      many("admin",
           "Admin listener of the node, host:port: says which channels it has. May be given again, for other orderers"),
      many("channel", "Only this channel; may be given again. Without --admin: all of which the node is a consenter"),
      many("orderer", "An orderer to ask and to submit to; name all of the others"),
      flag("cafile", "TLS CA of the orderers", true),
      flag("certfile", "Our own TLS certificate", true),
      flag("keyfile", "The private key of it", true),
      flag("mspid", "MSP id of an admin of the orderer organisation", true),
      flag("msp", "MSP folder of that admin", true),
      many("sign", "MSPID:FOLDER of another admin, where the policy wants several"),
      flag("install-cert", "The node's certificate file, to be replaced; without it the last step is left to you"),
      flag("install-key", "The node's key file"),
      flag("install-client-cert", "The node's certificate file for dialling"),
      flag("install-client-key", "The node's key file for dialling"),
      flag("timeout", "Seconds to wait for channels and node", false, "120"),
      {"dry-run", "Print the plan and change nothing", 0, "", false, true, false}};
}

kingpin::App app() {
  kingpin::App app;
  app.name = "selvage";
  app.help = "What Fabric's own programs have no command for";
  app.groups = {{"doctor", "Look for what is wrong, also while nodes are down"},
                {"package", "Make chaincode packages"},
                {"rotate", "Give a node another TLS pair without an outage"},
                {"trust", "Whom running nodes believe"}};
  app.commands = {
      {"doctor tls",
       "A node's mutual TLS: own files, trust, channel, live handshakes, expiry. Exit code 0: well; 1: warnings; 2: "
       "failures.",
       {flag("config", "core.yaml or orderer.yaml; where the node would look, when left out"),
        many("peer", "A peer to try, host:port"),
        many("orderer", "An orderer to try, host:port"),
        flag("channel", "Look at this channel's configuration too, from --orderer or --peer"),
        flag("config-block", "The channel's configuration from a file in place of a node"),
        many("cafile", "More CA certificates to believe live nodes by"),
        {"json", "For machines", 0, "", false, true, false}}},
      {"doctor watch",
       "(also: doctor tls watch) Who connects to a node that does not demand client certificates yet, with which "
       "certificate, and who would be refused. Exit code 1 when somebody would.",
       watch_flags()},
      {"package ccaas",
       "Package for chaincode as a service: where it listens, and the TLS material for dialling it, checked.",
       {flag("label", "Label of the package", true),
        flag("address", "Where the peer finds the chaincode, host:port", true),
        flag("output", "File to write the package to; <label>.tar.gz when left out"),
        flag("root-cert", "Certificate(s) of the CA that issued the chaincode's TLS certificate"),
        flag("client-cert", "Certificate that the peer presents to the chaincode"),
        flag("client-key", "Private key of --client-cert"),
        flag("server-cert", "The chaincode's TLS certificate, to check it against address and CA; not packed"),
        flag("domain", "Name in the chaincode's certificate when it is not the host of --address"),
        flag("dial-timeout", "How long the peer tries", false, "10s"),
        {"no-tls", "Plaintext between peer and chaincode", 0, "", false, true, false}}},
      {"rotate orderer",
       "Updates the consenter in every channel, waits until all have it, then replaces the node's files.",
       rotate_flags()},
      {"trust show", "Each root of a node, with the setting or channel it came from.", trust_flags()},
      {"trust diff", "What one of two nodes believes and the other does not. Exit code 1 when they differ.",
       trust_flags()},
      {"compare",
       "Walks two peers' ledgers and reports the first block whose codes or commit hash differ. Exit code 1 when one does.",
       {many("peer", "A peer, host:port; give two"), flag("channel", "The channel", true),
        many("cafile", "TLS CA of the peers; may be given again"), flag("certfile", "Our TLS certificate", true),
        flag("keyfile", "The private key of it", true), flag("mspid", "MSP id of a reader of the channel", true),
        flag("msp", "MSP folder of that reader", true)}},
      {"explain", "What a line about TLS says, whatever program wrote it, and what to do: explain \"LINE\"", {}},
      {"version", "Show version information", {}},
  };
  return app;
}

int rotate_orderer(kingpin::Parsed& parsed, Terminal terminal) {
  auto& values = parsed.values;
  rotate::Wanted wanted;
  wanted.node = values["node"];
  wanted.new_cert = values["new-cert"];
  wanted.new_key = values["new-key"];
  wanted.new_client_cert = values["new-client-cert"];
  wanted.new_client_key = values["new-client-key"];
  wanted.admins = parsed.lists["admin"];
  wanted.channels = parsed.lists["channel"];
  wanted.orderers = parsed.lists["orderer"];
  wanted.ca_file = values["cafile"];
  wanted.tls_cert = values["certfile"];
  wanted.tls_key = values["keyfile"];
  wanted.msp_id = values["mspid"];
  wanted.msp_folder = values["msp"];
  wanted.signers = parsed.lists["sign"];
  wanted.install_cert = values["install-cert"];
  wanted.install_key = values["install-key"];
  wanted.install_client_cert = values["install-client-cert"];
  wanted.install_client_key = values["install-client-key"];
  wanted.dry_run = values["dry-run"] == "true";
  const std::string& seconds = values["timeout"];
  if (seconds.empty() || seconds.size() > 5 || seconds.find_first_not_of("0123456789") != std::string::npos) {
    terminal.err << "selvage: error: --timeout: give whole seconds\n";
    return 1;
  }
  wanted.timeout = std::chrono::seconds(std::stoi(seconds));
  if (wanted.orderers.empty() || (wanted.admins.empty() && wanted.channels.empty())) {
    terminal.err << "selvage: error: name the node's admin listener with --admin (or its channels with --channel), and "
                    "orderers with --orderer\n";
    return 1;
  }
  return rotate::run(wanted, terminal);
}

}  // namespace

int run(const Arguments& arguments, Terminal terminal) {
  // A pasted line may hold anything, flags included.
  if (!arguments.empty() && arguments.front() == "explain") {
    return explain({arguments.begin() + 1, arguments.end()}, std::cin, terminal);
  }
  Arguments words = arguments;
  // `rotate orderer NODE` is short for `--node NODE`.
  if (words.size() > 2 && words[0] == "rotate" && words[1] == "orderer" && !words[2].starts_with("-")) {
    words.insert(words.begin() + 2, "--node");
  }
  if (words.size() > 2 && words[0] == "doctor" && words[1] == "tls" && words[2] == "watch")
    words.erase(words.begin() + 1);
  auto parsed = kingpin::parse(app(), words);
  if (!parsed) {
    terminal.err << "selvage: error: " << parsed.error().message << ", try --help\n";
    return 1;
  }
  if (!parsed->usage.empty()) {
    terminal.err << parsed->usage;
    return 0;
  }
  if (parsed->command == "version") {
    terminal.out << version_banner("selvage");
    return 0;
  }
  auto& values = parsed->values;
  if (parsed->command == "compare") {
    return compare::run({parsed->lists["peer"], parsed->lists["cafile"], values["certfile"], values["keyfile"],
                         values["mspid"], values["msp"], values["channel"]},
                        terminal);
  }
  if (parsed->command == "rotate orderer") return rotate_orderer(*parsed, terminal);
  if (parsed->command.starts_with("trust ")) {
    return trust::run({parsed->lists["node"], values["cafile"], values["certfile"], values["keyfile"],
                       parsed->command == "trust diff"},
                      terminal);
  }
  if (parsed->command == "doctor watch") {
    return doctor::watch({parsed->lists["node"], values["cafile"], values["certfile"], values["keyfile"], values["once"] == "true"}, terminal);
  }
  if (parsed->command == "doctor tls") {
    return doctor::run({values["config"], parsed->lists["peer"], parsed->lists["orderer"], values["channel"],
                        values["config-block"], parsed->lists["cafile"], values["json"] == "true"},
                       config::process_environment(), terminal);
  }
  CcaasPackage wanted;
  wanted.label = values["label"];
  wanted.address = values["address"];
  wanted.domain = values["domain"];
  wanted.dial_timeout = values["dial-timeout"];
  wanted.tls = values["no-tls"] != "true";
  wanted.root_cert_file = values["root-cert"];
  wanted.client_cert_file = values["client-cert"];
  wanted.client_key_file = values["client-key"];
  wanted.server_cert_file = values["server-cert"];
  auto package = make_ccaas_package(wanted, os::system_clock().now());
  const std::string output = values["output"].empty() ? wanted.label + ".tar.gz" : values["output"];
  Status done = package ? write_file(output, *package, 0600) : Status(fail(package.error()));
  if (!done) {
    terminal.err << "selvage: error: " << to_string(done.error()) << "\n";
    return 1;
  }
  terminal.out << lifecycle::package_id(wanted.label, *package) << "\n";
  return 0;
}

}  // namespace selvage::tools::selvage_program
