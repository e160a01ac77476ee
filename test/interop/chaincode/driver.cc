// Unmodified chaincode on Fabric's own Go, Node and Java shims, and on ours, over mutual TLS: this program plays the peer.
// Each as a service that the peer dials, and as a child process that samples/process_builder starts and that dials the peer.
//
// SELVAGE_GO_CHAINCODE, SELVAGE_NODE_CHAINCODE, SELVAGE_JAVA_CHAINCODE and SELVAGE_CPP_CHAINCODE say how to start them
// ("run" builds and sets them); without one its tests are skipped.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "crypto/hash.h"
#include "kit/local_peer.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "lifecycle/package.h"
#include "os/process.h"
#include "peer/transaction.pb.h"
#include "policy/signature_policy.h"

namespace selvage {
namespace {

using test::LocalPeer;

// A port that was free a moment ago.
int free_port() {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  close(fd);
  return ntohs(address.sin_port);
}

struct Language {
  const char* name;
  const char* variable;
  const char* type = nullptr;  // of the package of a child process; null: a service
  [[nodiscard]] bool is(std::string_view language) const { return std::string_view(name).starts_with(language); }
};

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The package from which the peer's builder starts the chaincode itself.
Bytes child_package(const Language& language, const std::string& label) {
  std::string command = std::getenv(language.variable);
  const std::string program = command.substr(command.rfind(' ') + 1);
  std::vector<lifecycle::TarFile> files;
  if (language.is("Node")) {
    files = {{"chaincode.js", read_file(program), 0644},
             {"package.json", R"({"name":"cc","scripts":{"start":"node chaincode.js"}})", 0644},
             {"node_modules/.here", "found by NODE_PATH", 0644}};
  } else {
    files = {{language.is("Java") ? "chaincode.jar" : "chaincode", read_file(program), 0755}};
  }
  return *lifecycle::make_package({language.type, "", label}, *lifecycle::make_tar_gz(files));
}

LocalPeer::Options options_of(const Language& language) {
  LocalPeer::Options options;
  options.startup_timeout = std::chrono::seconds(60);
  if (language.type == nullptr) return options;
  options.listener = true;
  options.builders = {{"process_builder", std::string(SELVAGE_SOURCE_DIR) + "/samples/process_builder",
                       {"HOME", "NODE_PATH", "CORE_CHAINCODE_LOGGING_SHIM", "JAVA_TOOL_OPTIONS"}}};
  return options;
}

// One chaincode process with its TLS material, and how to start it again.
class Service {
 public:
  Service(const Language& language, const std::string& label) : language_(language), label_(label), ca_("tlsca." + label) {
    std::string pattern = (std::filesystem::temp_directory_path() / "selvage-cc-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    port_ = free_port();
    // The certificate has only a name, so `domain` must be honoured.
    auto server = ca_.server(label, {label + ".example"});
    write("key.pem", server.key_pem());
    write("cert.pem", server.certificate_pem());
    write("ca.pem", ca_.pem());
  }
  ~Service() { std::filesystem::remove_all(directory_); }

  // `spoil` may change the connection before it is packed.
  [[nodiscard]] Bytes package(const std::function<void(nlohmann::json&)>& spoil = {}) const {
    auto client = ca_.client("peer0");
    nlohmann::json connection = {{"address", "127.0.0.1:" + std::to_string(port_)},
                                 {"domain", label_ + ".example"},
                                 {"dial_timeout", "10s"},
                                 {"tls_required", true},
                                 {"client_auth_required", true},
                                 {"client_key", client.key_pem()},
                                 {"client_cert", client.certificate_pem()},
                                 {"root_cert", ca_.pem()}};
    if (spoil) spoil(connection);
    Bytes code = *lifecycle::make_tar_gz({{"connection.json", connection.dump()}});
    return *lifecycle::make_package({"ccaas", "", label_}, code);
  }
  void start(const std::string& package_id) {
    os::ProcessSettings settings;
    std::istringstream words(std::getenv(language_.variable));
    for (std::string word; words >> word;) settings.arguments.push_back(word);
    settings.environment = os::environment_of({"PATH", "HOME", "NODE_PATH", "JAVA_TOOL_OPTIONS"});
    settings.environment.push_back("CORE_CHAINCODE_LOGGING_SHIM=warn");
    settings.environment.push_back("CHAINCODE_ID=" + package_id);
    settings.environment.push_back("CORE_CHAINCODE_ID_NAME=" + package_id);
    settings.environment.push_back("CHAINCODE_SERVER_ADDRESS=127.0.0.1:" + std::to_string(port_));
    settings.environment.push_back("CHAINCODE_TLS_KEY=" + directory_ + "/key.pem");
    settings.environment.push_back("CHAINCODE_TLS_CERT=" + directory_ + "/cert.pem");
    settings.environment.push_back("CHAINCODE_CLIENT_CA_CERT=" + directory_ + "/ca.pem");
    settings.on_stderr = [](std::string_view line) { std::cerr << "chaincode: " << line << std::endl; };
    settings.on_stdout = settings.on_stderr;
    auto started = os::Process::start(settings);
    if (!started) {
      ADD_FAILURE() << to_string(started.error());
      std::abort();
    }
    process_ = std::move(*started);
    wait_listening();
  }
  void stop() { process_.reset(); }

 private:
  void write(const char* name, const std::string& text) const { std::ofstream(directory_ + "/" + name) << text; }
  // Until the port answers: the peer dials once, as long as dial_timeout says.
  void wait_listening() const {
    for (int i = 0; i < 600; ++i) {
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(static_cast<uint16_t>(port_));
      bool up = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      close(fd);
      if (up) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "chaincode does not listen";
  }

  const Language language_;
  std::string label_;
  test::Authority ca_;
  std::string directory_;
  int port_ = 0;
  std::unique_ptr<os::Process> process_;
};

// A peer on which the chaincode of one language runs as "cc", with a collection "secrets" for members of Org1.
struct World {
  explicit World(const Language& language) : service(language, "cc"), peer(options_of(language)) {
    const bool is_service = language.type == nullptr;
    std::string id = peer.install(is_service ? service.package() : child_package(language, "cc"));
    if (is_service) service.start(id);
    protos::CollectionConfigPackage collections;
    auto* secrets = collections.add_config()->mutable_static_collection_config();
    secrets->set_name("secrets");
    *secrets->mutable_member_orgs_policy()->mutable_signature_policy() = policy::signed_by_any_member({"Org1MSP"});
    secrets->set_member_only_read(true);
    secrets->set_member_only_write(true);
    peer.define("cc", id, false, &collections);
    package_id = id;
  }
  Service service;
  LocalPeer peer;
  std::string package_id;
};

class ChaincodeOn : public testing::TestWithParam<Language> {
 protected:
  void SetUp() override {
    if (!std::getenv(GetParam().variable)) GTEST_SKIP() << "SKIPPED: " << GetParam().variable << " is not set";
    auto& world = worlds()[GetParam().name];
    if (!world) world = std::make_unique<World>(GetParam());
    world_ = world.get();
  }
  static void TearDownTestSuite() { worlds().clear(); }
  static std::map<std::string, std::unique_ptr<World>>& worlds() {
    static std::map<std::string, std::unique_ptr<World>> all;
    return all;
  }
  LocalPeer& peer() { return world_->peer; }
  [[nodiscard]] bool batches() const { return GetParam().is("Go") || GetParam().is("Cpp"); }
  // The peer's words reach the chaincode's client; Java's shim keeps them to itself.
  [[nodiscard]] testing::AssertionResult tells(const std::string& said, const std::string& words) const {
    const std::string expected = GetParam().is("Java") ? "Unsuccessful response received." : words;
    if (said.find(expected) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "not said: " << expected << "\nbut: " << said;
  }
  [[nodiscard]] bool is_service() const { return GetParam().type == nullptr; }

  std::string submit(const std::vector<Bytes>& args, const test::ProposalOptions& options = {}) {
    auto response = peer().submit("cc", args, options).response();
    return response.status() == 200 ? response.payload() : std::to_string(response.status()) + " " + response.message();
  }
  std::string ask(const std::vector<Bytes>& args) {
    auto response = peer().evaluate("cc", args).response();
    return response.status() == 200 ? response.payload() : std::to_string(response.status()) + " " + response.message();
  }
  static kvrwset::KVRWSet public_set(const protos::ProposalResponse& response, const std::string& ns) {
    protos::ProposalResponsePayload payload;
    protos::ChaincodeAction action;
    rwset::TxReadWriteSet set;
    payload.ParseFromString(response.payload());
    action.ParseFromString(payload.extension());
    set.ParseFromString(action.results());
    kvrwset::KVRWSet out;
    for (const auto& one : set.ns_rwset())
      if (one.namespace_() == ns) out.ParseFromString(one.rwset());
    return out;
  }

  World* world_ = nullptr;
};

TEST_P(ChaincodeOn, ReadsWritesAndDeletesKeys) {
  EXPECT_EQ(submit({"put", "a", "1"}), "");
  EXPECT_EQ(peer().last_code(), 0);
  EXPECT_EQ(ask({"get", "a"}), "1");
  EXPECT_EQ(ask({"get", "nothing"}), "");
  EXPECT_EQ(submit({"del", "a"}), "");
  EXPECT_EQ(ask({"get", "a"}), "");
  EXPECT_EQ(ask({"creator"}), "true");
}

TEST_P(ChaincodeOn, WalksRangesOfMoreThanOneAnswer) {
  EXPECT_EQ(submit({"putmany", "r", "250"}), "");
  EXPECT_EQ(ask({"count", "r", "s"}), "250");
  EXPECT_EQ(ask({"range", "r0001", "r0004"}), "r0001=v1,r0002=v2,r0003=v3");
  EXPECT_EQ(ask({"page", "r0000", "s", "2", ""}), "r0000=v0,r0001=v1|2|r0002");
  EXPECT_EQ(ask({"page", "r0000", "s", "2", "r0248"}), "r0248=v248,r0249=v249|2|");
  // 250 reads are more than 50, so the read set has their Merkle summary.
  auto response = peer().evaluate("cc", {"count", "r", "s"});
  auto set = public_set(response, "cc");
  ASSERT_EQ(set.range_queries_info_size(), 1);
  EXPECT_TRUE(set.range_queries_info(0).has_reads_merkle_hashes());
  EXPECT_TRUE(set.range_queries_info(0).itr_exhausted());
}

TEST_P(ChaincodeOn, FindsCompositeKeysByTheirFirstParts) {
  EXPECT_EQ(submit({"putcomposite", "colour", "blue", "1"}), "");
  EXPECT_EQ(submit({"putcomposite", "colour", "blue", "2"}), "");
  EXPECT_EQ(submit({"putcomposite", "colour", "red", "3"}), "");
  EXPECT_EQ(ask({"composite", "colour", "blue"}), "/colour/blue/1/=c,/colour/blue/2/=c");
}

TEST_P(ChaincodeOn, TellsTheHistoryOfAKeyNewestFirst) {
  EXPECT_EQ(submit({"put", "h", "1"}), "");
  EXPECT_EQ(submit({"put", "h", "2"}), "");
  EXPECT_EQ(submit({"del", "h"}), "");
  EXPECT_EQ(ask({"history", "h"}), ":true,2:false,1:false");
}

TEST_P(ChaincodeOn, KeepsPrivateDataOutOfTheBlock) {
  test::ProposalOptions options;
  options.transient["value"] = "secret";
  auto response = peer().submit("cc", {"putprivate", "secrets", "p"}, options);
  ASSERT_EQ(response.response().status(), 200) << response.response().message();
  EXPECT_EQ(peer().last_code(), 0);
  EXPECT_EQ(response.payload().find("secret\""), std::string::npos);
  EXPECT_EQ(ask({"getprivate", "secrets", "p"}), "secret");
  EXPECT_EQ(ask({"hashprivate", "secrets", "p"}), to_hex(crypto::sha256("secret")));
  // Fabric's collection checks read the definition through the simulator: those reads are endorsed.
  auto lifecycle_reads = public_set(response, "_lifecycle");
  EXPECT_EQ(lifecycle_reads.reads_size(), 5);
  EXPECT_EQ(submit({"delprivate", "secrets", "p"}), "");
  EXPECT_EQ(ask({"getprivate", "secrets", "p"}), "");
  EXPECT_TRUE(tells(ask({"getprivate", "nowhere", "p"}), "could not be found"));
  auto foreign = peer().submit_as(peer().channel().org(1).client(), "cc", {"getprivate", "secrets", "p"});
  EXPECT_TRUE(tells(foreign.response().message(),
                    "tx creator does not have read access permission on privatedata in chaincodeName:cc collectionName: secrets"));
}

TEST_P(ChaincodeOn, SetsThePolicyOfAKey) {
  EXPECT_EQ(submit({"put", "k", "1"}), "");
  EXPECT_EQ(submit({"setpolicy", "k", "policy bytes"}), "");
  EXPECT_EQ(ask({"getpolicy", "k"}), "policy bytes");
}

// Endorsers whose chaincode is written with different shims must agree to the byte. (Node's shim keeps the order in which
// organisations were added, the others sort them.)
TEST_P(ChaincodeOn, WritesThePolicyOfOrganisationsAsTheOtherShims) {
  EXPECT_EQ(ask({"orgpolicy", "Org1MSP", "Org2MSP"}),
            "120c120a080212020800120208011a0d120b0a074f7267314d535010031a0d120b0a074f7267324d53501003");
}

TEST_P(ChaincodeOn, SendsItsEventWithTheEndorsement) {
  auto response = peer().submit("cc", {"event", "happened", "42"});
  ASSERT_TRUE(response.has_endorsement()) << response.response().message();
  protos::ProposalResponsePayload payload;
  protos::ChaincodeAction action;
  protos::ChaincodeEvent event;
  ASSERT_TRUE(payload.ParseFromString(response.payload()));
  ASSERT_TRUE(action.ParseFromString(payload.extension()));
  ASSERT_TRUE(event.ParseFromString(action.events()));
  EXPECT_EQ(event.event_name(), "happened");
  EXPECT_EQ(event.payload(), "42");
  EXPECT_EQ(event.chaincode_id(), "cc");
  EXPECT_EQ(event.tx_id(), peer().last_txid());
  EXPECT_EQ(action.chaincode_id().version(), "1.0");
}

TEST_P(ChaincodeOn, IsEndorsedBelow400Only) {
  EXPECT_TRUE(peer().evaluate("cc", {"status", "200"}).has_endorsement());
  // Java's shim has names for a few statuses and no others.
  if (!GetParam().is("Java")) {
    EXPECT_TRUE(peer().evaluate("cc", {"status", "399"}).has_endorsement());
  }
  auto warned = peer().evaluate("cc", {"status", "400"});
  EXPECT_FALSE(warned.has_endorsement());
  EXPECT_EQ(warned.response().status(), 400);
  EXPECT_EQ(warned.payload(), "");
  auto failed = peer().evaluate("cc", {"status", "500"});
  EXPECT_FALSE(failed.has_endorsement());
  EXPECT_NE(failed.payload(), "");
}

TEST_P(ChaincodeOn, CallsOtherChaincode) {
  EXPECT_EQ(ask({"call", "qscc", "", "GetChainInfo", "testchannel"}).substr(0, 4), "500:");
  EXPECT_TRUE(tells(ask({"call", "other", "", "x"}),
                    "failed to get chaincode container info for other: chaincode other not found"));
  // To itself on the same channel: the transaction is there already.
  EXPECT_TRUE(tells(ask({"call", "cc", "", "get", "a"}), "exists"));
}

TEST_P(ChaincodeOn, RefusesRichQueriesAsALevelDbPeer) {
  EXPECT_TRUE(tells(ask({"query", "{}"}), "ExecuteQuery not supported for leveldb"));
}

TEST_P(ChaincodeOn, NegotiatesBatches) {
  if (!batches()) GTEST_SKIP() << "this shim has no batches";
  EXPECT_EQ(submit({"batch", "b1", "b2", "b3"}), "");
  EXPECT_EQ(ask({"getmany", "b1", "nothing", "b3"}), "batched,,batched");
}

TEST_P(ChaincodeOn, PagesOfCompositeKeysAndPrivateDataInOneGo) {
  if (!batches()) GTEST_SKIP() << "this shim has neither";
  for (const char* name : {"1", "2", "3"}) EXPECT_EQ(submit({"putcomposite", "size", "big", name}), "");
  EXPECT_EQ(ask({"compositepage", "size", "2", "", "big"}), std::string("/size/big/1/=c,/size/big/2/=c|2|") + '\0' + "size" + '\0' + "big" + '\0' + "3" + '\0');
  EXPECT_EQ(ask({"allcomposite", "1", std::string(1, '\0') + "size" + '\0' + "big" + '\0' + "3" + '\0'}), "/size/big/3/=c|1|");
  EXPECT_EQ(submit({"batchprivate", "secrets", "m1", "m2"}), "");
  EXPECT_EQ(peer().last_code(), 0);
  EXPECT_EQ(ask({"getmanyprivate", "secrets", "m1", "none", "m2"}), "batched,,batched");
  EXPECT_EQ(ask({"rangeprivate", "secrets", "m1", "m2"}), "m1=batched");
  EXPECT_EQ(submit({"setprivatepolicy", "secrets", "m1", "policy bytes"}), "");
  EXPECT_EQ(ask({"getprivatepolicy", "secrets", "m1"}), "policy bytes");
  EXPECT_EQ(ask({"decorations"}), "0");
}

TEST_P(ChaincodeOn, ManyTransactionsRunAtOnce) {
  submit({"put", "shared", "x"});
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    std::vector<protos::SignedProposal> proposals;
    for (int j = 0; j < 25; ++j)
      proposals.push_back(
          peer().sign(peer().channel().org(0).client(), peer().channel().id(), "cc", {"get", "shared"}));
    threads.emplace_back([&, proposals = std::move(proposals)] {
      for (const auto& proposal : proposals) {
        auto response = peer().endorsement().endorser().process(proposal);
        if (response && response->response().payload() == "x") ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

TEST_P(ChaincodeOn, InitialisesOncePerVersion) {
  // A second definition of the same package, which demands initialisation.
  peer().define("initcc", world_->package_id, true);
  auto call = [&](const std::vector<Bytes>& args, bool init) {
    test::ProposalOptions options;
    options.is_init = init;
    return peer().submit("initcc", args, options).response();
  };
  EXPECT_NE(call({"get", "init"}, false).message().find(
                "chaincode 'initcc' has not been initialized for this version, must call as init first"),
            std::string::npos);
  auto done = call({"anything"}, true);
  EXPECT_EQ(done.payload(), "initialised") << done.message();
  EXPECT_EQ(call({"get", "init"}, false).payload(), "done");
  EXPECT_NE(call({"anything"}, true).message().find("chaincode 'initcc' is already initialized but called as init"),
            std::string::npos);
  EXPECT_NE(peer().submit("cc", {"get", "a"}, {{}, true}).response().message().find(
                "chaincode 'cc' does not require initialization but called as init"),
            std::string::npos);
}

TEST_P(ChaincodeOn, ARefusedHandshakeIsToldInWords) {
  if (!is_service()) GTEST_SKIP() << "the peer makes the certificates of its children";
  struct Case {
    const char* name;
    std::function<void(nlohmann::json&)> spoil;
    const char* said;  // to the client; the peer's log says the field and the remedy
  };
  const Case cases[] = {
      {"wrongroot", [](nlohmann::json& c) { c["root_cert"] = test::Authority("tlsca.elsewhere").pem(); },
       "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
      {"wrongdomain", [](nlohmann::json& c) { c["domain"] = "other.example"; },
       "x509: certificate is valid for wrongdomain.example, not other.example"},
      {"wrongclient",
       [](nlohmann::json& c) {
         auto stranger = test::Authority("tlsca.stranger").client("stranger");
         c["client_cert"] = stranger.certificate_pem();
         c["client_key"] = stranger.key_pem();
       },
       "error reading server preface: "},  // Go sends the alert, Node only closes
  };
  for (const Case& one : cases) {
    Service service(GetParam(), one.name);
    std::string id = peer().install(service.package([&](nlohmann::json& connection) {
      connection["dial_timeout"] = "5s";
      one.spoil(connection);
    }));
    service.start(id);
    peer().define(one.name, id);
    auto response = peer().evaluate(one.name, {"get", "a"}).response();
    EXPECT_EQ(response.status(), 500);
    EXPECT_NE(response.message().find("could not launch chaincode " + id), std::string::npos) << response.message();
    EXPECT_NE(response.message().find(one.said), std::string::npos) << response.message();
  }
}

// Last of its language: the process dies and comes back.
TEST_P(ChaincodeOn, DyingFailsItsTransactionsAtOnceAndItIsDialledAgain) {
  auto began = std::chrono::steady_clock::now();
  std::string died = ask({"exit"});
  // Of a child the peer sees its end before or after that of the stream.
  EXPECT_NE(died.find("chaincode stream terminated"), std::string::npos) << died;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  if (is_service()) {
    world_->service.stop();
    world_->service.start(world_->package_id);
  }
  EXPECT_EQ(submit({"put", "again", "1"}), "");
  peer().restart();
  EXPECT_EQ(ask({"get", "again"}), "1");
}

// A developer's chaincode: nothing is installed, the program is started by hand.
TEST(ChaincodeInDevelopment, IsStartedByHandOverMutualTlsAndAsOftenAsOneLikes) {
  const char* program = std::getenv("SELVAGE_GO_CHAINCODE");
  if (!program) GTEST_SKIP() << "SKIPPED: SELVAGE_GO_CHAINCODE is not set";
  LocalPeer::Options options;
  options.listener = options.development = true;
  LocalPeer peer(options);
  peer.define("dev", "");
  const std::string pair = peer.directory() + "/chaincode-development/";
  auto start = [&](const std::string& id) {
    os::ProcessSettings settings;
    settings.arguments = {program, "-peer.address", peer.endorsement().chaincode_address()};
    settings.environment = {"CORE_CHAINCODE_ID_NAME=" + id, "CORE_PEER_TLS_ENABLED=true",
                            "CORE_PEER_TLS_ROOTCERT_FILE=" + pair + "ca.crt", "CORE_TLS_CLIENT_CERT_FILE=" + pair + "client.crt",
                            "CORE_TLS_CLIENT_KEY_FILE=" + pair + "client.key"};
    auto process = os::Process::start(settings);
    if (!process) std::abort();
    return std::move(*process);
  };
  auto ask = [&](const std::vector<Bytes>& args) { return peer.submit("dev", args).response(); };
  // Asked until the program has registered.
  auto wait_for = [&](const std::vector<Bytes>& args, const std::string& answer) {
    protos::Response last;
    for (int i = 0; i < 600; ++i) {
      last = ask(args);
      if (last.status() == 200 && last.payload() == answer) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ADD_FAILURE() << last.message();
    return false;
  };
  EXPECT_NE(ask({"get", "a"}).message().find("could not launch chaincode dev:1.0"), std::string::npos);
  auto first = start("dev:1.0");
  EXPECT_TRUE(wait_for({"put", "a", "1"}, ""));
  EXPECT_TRUE(wait_for({"get", "a"}, "1"));
  // A second one of the same name is sent away, the first one goes on.
  auto second = start("dev:1.0");
  EXPECT_TRUE(second->wait_for(std::chrono::seconds(20)));
  EXPECT_EQ(ask({"get", "a"}).payload(), "1");
  first->terminate(std::chrono::seconds(5));
  (void)first->wait();
  auto third = start("dev:1.0");
  EXPECT_TRUE(wait_for({"get", "a"}, "1"));
}

// Outside of development nobody registers who was not started, whatever certificate it has.
TEST(ChaincodeListener, RefusesStrangers) {
  const char* program = std::getenv("SELVAGE_CPP_CHAINCODE");
  if (!program) GTEST_SKIP() << "SKIPPED: SELVAGE_CPP_CHAINCODE is not set";
  LocalPeer::Options options;
  options.listener = true;
  LocalPeer peer(options);
  test::Authority stranger("tlsca.stranger");
  std::string pattern = (std::filesystem::temp_directory_path() / "selvage-cc-XXXXXX").string();
  const std::string folder = mkdtemp(pattern.data());
  auto client = stranger.client("stranger");
  std::ofstream(folder + "/client.crt") << client.certificate_pem();
  std::ofstream(folder + "/client.key") << client.key_pem();
  std::ofstream(folder + "/ca.crt") << stranger.pem();
  std::string said;
  os::ProcessSettings settings;
  settings.arguments = {program, "-peer.address", peer.endorsement().chaincode_address()};
  settings.environment = {"CORE_CHAINCODE_ID_NAME=cc:1.0", "CORE_PEER_TLS_ENABLED=true",
                          "CORE_PEER_TLS_ROOTCERT_FILE=" + folder + "/ca.crt", "CORE_TLS_CLIENT_CERT_FILE=" + folder + "/client.crt",
                          "CORE_TLS_CLIENT_KEY_FILE=" + folder + "/client.key"};
  settings.on_stderr = [&](std::string_view line) { said += std::string(line) + "\n"; };
  auto ended = os::run(settings, std::chrono::seconds(30));
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status, 1) << said;
  EXPECT_NE(said.find("certificate signed by unknown authority"), std::string::npos) << said;
  EXPECT_NE(said.find("CORE_PEER_TLS_ROOTCERT_FILE"), std::string::npos) << said;
}

INSTANTIATE_TEST_SUITE_P(Fabric, ChaincodeOn,
                         testing::Values(Language{"Go", "SELVAGE_GO_CHAINCODE"}, Language{"Node", "SELVAGE_NODE_CHAINCODE"},
                                         Language{"Java", "SELVAGE_JAVA_CHAINCODE"},
                                         Language{"Cpp", "SELVAGE_CPP_CHAINCODE"},
                                         Language{"GoChild", "SELVAGE_GO_CHAINCODE", "binary"},
                                         Language{"NodeChild", "SELVAGE_NODE_CHAINCODE", "node"},
                                         Language{"JavaChild", "SELVAGE_JAVA_CHAINCODE", "java"},
                                         Language{"CppChild", "SELVAGE_CPP_CHAINCODE", "binary"}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace selvage
