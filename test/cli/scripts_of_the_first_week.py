#!/usr/bin/env python3
"""What scripts do in the first week, by public commands only: cryptogen, configtxgen, osnadmin, peer and tar.

Three orderers and four peers of two organisations, mutual TLS on every connection; chaincode in Go, Node and C++, each as a
service; transactions through every orderer, endorsed by every peer, while the leader of the orderers is killed and comes
back. In the end all have the same blocks and the same state.

Ours alone always; where FABRIC_GO_BIN is given also upstream's alone and halves of each. A language whose tools are missing
here is left out, and said so.
"""
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, Network, Process, free_ports, ours, skip  # noqa: E402

CHANNEL = "mychannel"
ORDERERS = ("orderer1", "orderer2", "orderer3")
PEERS = ("peer0.org1", "peer1.org1", "peer0.org2", "peer1.org2")
CHAINCODE = ROOT / "test" / "interop" / "chaincode"


def org_of(peer):
    return peer.split(".")[1]


class FirstWeek(Network):
    """The scripts' network. `kinds`: the folder of each node's program, by name; `tools`: that of all commands."""

    def __init__(self, folder, kinds, tools):
        super().__init__(folder, *(tools / name for name in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")))
        self.kinds = kinds
        names = [f"{node}{what}" for node in (*ORDERERS, *PEERS) for what in ("", "_ops", "_more")]
        self.ports = dict(zip(names, free_ports(len(names))))

    def make_material(self):
        specs = "".join(f"      - {{Hostname: {name}, SANS: [localhost, 127.0.0.1]}}\n" for name in ORDERERS)
        orgs = "".join(f"  - Name: Org{n}\n    Domain: org{n}.example.com\n    EnableNodeOUs: true\n"
                       "    Template: {Count: 2, SANS: [localhost, 127.0.0.1]}\n    Users: {Count: 1}\n" for n in (1, 2))
        (self.folder / "crypto-config.yaml").write_text(
            "OrdererOrgs:\n  - Name: Orderer\n    Domain: example.com\n    EnableNodeOUs: true\n    Specs:\n" + specs +
            "PeerOrgs:\n" + orgs)
        (self.folder / "configtx.yaml").write_text(self.configtx())
        self.run("cryptogen", "generate", "--config", "crypto-config.yaml", "--output", self.crypto)
        self.run("configtxgen", "-configPath", self.folder, "-profile", "Week", "-channelID", CHANNEL, "-outputBlock", self.block)

    def configtx(self):
        def org(name, msp, folder, rules, more=""):
            policies = "".join(f"      {p}: {{Type: Signature, Rule: \"OR({r})\"}}\n" for p, r in rules.items())
            return f"  - &{name}\n    Name: {name}\n    ID: {msp}\n    MSPDir: {folder}/msp\n{more}    Policies:\n{policies}"

        def peer_org(n):
            m, port = f"Org{n}MSP", self.ports[f"peer0.org{n}"]
            return org(f"Org{n}", m, self.org(f"org{n}"), {
                "Readers": f"'{m}.admin', '{m}.peer', '{m}.client'", "Writers": f"'{m}.admin', '{m}.client'",
                "Admins": f"'{m}.admin'", "Endorsement": f"'{m}.peer'"},
                f"    AnchorPeers: [{{Host: 127.0.0.1, Port: {port}}}]\n")

        def meta(**rules):
            return "{" + ", ".join(f"{k}: {{Type: ImplicitMeta, Rule: \"{v}\"}}" for k, v in rules.items()) + "}"

        usual = dict(Readers="ANY Readers", Writers="ANY Writers", Admins="MAJORITY Admins")
        endpoints = ", ".join(f"'127.0.0.1:{self.ports[name]}'" for name in ORDERERS)
        consenters = "".join(
            f"          - {{Host: 127.0.0.1, Port: {self.ports[name]}, ClientTLSCert: {self.orderer(name)}/tls/server.crt, "
            f"ServerTLSCert: {self.orderer(name)}/tls/server.crt}}\n" for name in ORDERERS)
        orderer_org = org("OrdererOrg", "OrdererMSP", self.crypto / "ordererOrganizations/example.com",
                          {"Readers": "'OrdererMSP.member'", "Writers": "'OrdererMSP.member'", "Admins": "'OrdererMSP.admin'"},
                          f"    OrdererEndpoints: [{endpoints}]\n")
        return f"""Organizations:
{orderer_org}{peer_org(1)}{peer_org(2)}Profiles:
  Week:
    Policies: {meta(**usual)}
    Capabilities: {{V3_0: true}}
    Orderer:
      OrdererType: etcdraft
      BatchTimeout: 100ms
      BatchSize: {{MaxMessageCount: 100, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 2 MB}}
      EtcdRaft:
        Consenters:
{consenters}        Options: {{TickInterval: 100ms, ElectionTick: 10, HeartbeatTick: 1, MaxInflightBlocks: 5, SnapshotIntervalSize: 16 MB}}
      Organizations: [*OrdererOrg]
      Policies: {meta(BlockValidation="ANY Writers", **usual)}
      Capabilities: {{V2_0: true}}
    Application:
      Organizations: [*Org1, *Org2]
      Policies: {meta(LifecycleEndorsement="MAJORITY Endorsement", Endorsement="MAJORITY Endorsement", **usual)}
      Capabilities: {{V2_5: true}}
"""

    # -- nodes --------------------------------------------------------------------------------------------------------
    def orderer(self, name):
        return self.crypto / "ordererOrganizations" / "example.com" / "orderers" / f"{name}.example.com"

    def peer(self, name):
        return self.org(org_of(name)) / "peers" / f"{name}.example.com"

    @property
    def orderer_ca(self):
        return self.orderer("orderer1") / "tls" / "ca.crt"

    def start_orderer(self, name):
        tls, data, ca = self.orderer(name) / "tls", self.folder / name, f"[{self.orderer_ca}]"
        env = self.environment(
            ORDERER_GENERAL_LISTENPORT=self.ports[name], ORDERER_GENERAL_LOCALMSPID="OrdererMSP",
            ORDERER_GENERAL_LOCALMSPDIR=self.orderer(name) / "msp", ORDERER_GENERAL_TLS_ENABLED="true",
            ORDERER_GENERAL_TLS_PRIVATEKEY=tls / "server.key", ORDERER_GENERAL_TLS_CERTIFICATE=tls / "server.crt",
            ORDERER_GENERAL_TLS_ROOTCAS=ca, ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED="true",
            ORDERER_GENERAL_TLS_CLIENTROOTCAS=ca, ORDERER_GENERAL_CLUSTER_ROOTCAS=ca,
            ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=tls / "server.crt",
            ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=tls / "server.key", ORDERER_FILELEDGER_LOCATION=data,
            ORDERER_CONSENSUS_WALDIR=data / "wal", ORDERER_CONSENSUS_SNAPDIR=data / "snap",
            ORDERER_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.ports[name + '_ops']}",
            ORDERER_ADMIN_LISTENADDRESS=f"127.0.0.1:{self.ports[name + '_more']}", ORDERER_ADMIN_TLS_ENABLED="true",
            ORDERER_ADMIN_TLS_CERTIFICATE=tls / "server.crt", ORDERER_ADMIN_TLS_PRIVATEKEY=tls / "server.key",
            ORDERER_ADMIN_TLS_ROOTCAS=ca, ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED="true",
            ORDERER_ADMIN_TLS_CLIENTROOTCAS=ca, ORDERER_CHANNELPARTICIPATION_ENABLED="true")
        self.processes[name] = Process(name, [str(self.kinds[name] / "orderer")], env, self.folder)

    def start_peer(self, name):
        port, tls, org = self.ports[name], self.peer(name) / "tls", org_of(name)
        other = [p for p in PEERS if p != name and org_of(p) == org][0]
        env = self.environment(
            CORE_PEER_ID=f"{name}.example.com", CORE_PEER_LISTENADDRESS=f"127.0.0.1:{port}",
            CORE_PEER_ADDRESS=f"127.0.0.1:{port}", CORE_PEER_GOSSIP_BOOTSTRAP=f"127.0.0.1:{self.ports[other]}",
            CORE_PEER_GOSSIP_EXTERNALENDPOINT=f"127.0.0.1:{port}", CORE_PEER_LOCALMSPID=f"{org.capitalize()}MSP",
            CORE_PEER_MSPCONFIGPATH=self.peer(name) / "msp", CORE_PEER_TLS_ENABLED="true",
            CORE_PEER_TLS_CLIENTAUTHREQUIRED="true", CORE_PEER_TLS_CERT_FILE=tls / "server.crt",
            CORE_PEER_TLS_KEY_FILE=tls / "server.key", CORE_PEER_TLS_ROOTCERT_FILE=tls / "ca.crt",
            CORE_PEER_TLS_CLIENTROOTCAS_FILES=tls / "ca.crt", CORE_PEER_FILESYSTEMPATH=self.folder / name,
            CORE_LEDGER_SNAPSHOTS_ROOTDIR=self.folder / name / "snapshots",
            CORE_PEER_CHAINCODELISTENADDRESS=f"127.0.0.1:{self.ports[name + '_more']}",
            CORE_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.ports[name + '_ops']}", CORE_VM_ENDPOINT="",
            CORE_CHAINCODE_EXTERNALBUILDERS=json.dumps([{"name": "ccaas", "path": str(self.builder())}]))
        self.processes[name] = Process(name, [str(self.kinds[name] / "peer"), "node", "start"], env, self.folder)

    def start_nodes(self):
        for name in ORDERERS:
            self.start_orderer(name)
        for name in PEERS:
            self.start_peer(name)
        for name in ORDERERS:
            self.processes[name].wait_for("Beginning to serve requests")
        for name in PEERS:
            self.processes[name].wait_for("Started peer with ID=")

    # -- commands -----------------------------------------------------------------------------------------------------
    def admin(self, name, *arguments):
        tls = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        return self.run("osnadmin", "channel", *arguments, "-o", f"127.0.0.1:{self.ports[name + '_more']}", "--ca-file",
                        self.orderer_ca, "--client-cert", tls / "client.crt", "--client-key", tls / "client.key")

    def cli(self, peer, *arguments, check=True):
        org = org_of(peer)
        home = self.org(org) / "users" / f"Admin@{org}.example.com"
        env = self.environment(
            CORE_PEER_ADDRESS=f"127.0.0.1:{self.ports[peer]}", CORE_PEER_LOCALMSPID=f"{org.capitalize()}MSP",
            CORE_PEER_MSPCONFIGPATH=home / "msp", CORE_PEER_TLS_ENABLED="true", CORE_PEER_TLS_CLIENTAUTHREQUIRED="true",
            CORE_PEER_TLS_ROOTCERT_FILE=self.peer(peer) / "tls" / "ca.crt",
            CORE_PEER_TLS_CLIENTCERT_FILE=home / "tls" / "client.crt", CORE_PEER_TLS_CLIENTKEY_FILE=home / "tls" / "client.key")
        return self.run("cli", *arguments, env=env, check=check)

    def through(self, orderer, peer):
        tls = self.org(org_of(peer)) / "users" / f"Admin@{org_of(peer)}.example.com" / "tls"
        return ["-o", f"127.0.0.1:{self.ports[orderer]}", "--tls", "--cafile", self.orderer_ca, "--clientauth", "--certfile",
                tls / "client.crt", "--keyfile", tls / "client.key"]

    def endorsers(self, *peers):
        return [word for peer in peers for word in ("--peerAddresses", f"127.0.0.1:{self.ports[peer]}", "--tlsRootCertFiles",
                                                    self.peer(peer) / "tls" / "ca.crt")]

    def wait(self, what, condition, timeout=60):
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {timeout} s: {what}")
            time.sleep(0.05)  # between two questions; what counts is the deadline
        return found

    def height(self, peer):
        info = self.cli(peer, "channel", "getinfo", "-c", CHANNEL, check=False).stdout
        return json.loads(info.removeprefix("Blockchain info: "))["height"] if info else 0

    # -- the scripts --------------------------------------------------------------------------------------------------
    def make_channel(self):
        for name in ORDERERS:
            answer = self.admin(name, "join", "--channelID", CHANNEL, "--config-block", self.block).stdout
            assert answer.startswith("Status: 201\n"), answer
        self.wait("a leader among the orderers", self.leader)
        for name in ORDERERS:
            listed = json.loads(self.admin(name, "list", "--channelID", CHANNEL, "--no-status").stdout)
            assert listed["consensusRelation"] == "consenter" and listed["status"] == "active", listed
        for peer, orderer in zip(PEERS, ("orderer1", "orderer2", "orderer3", "orderer1")):
            file = self.folder / f"{peer}.block"
            self.cli(peer, "channel", "fetch", "oldest", file, "-c", CHANNEL, *self.through(orderer, peer))
            self.cli(peer, "channel", "join", "-b", file)
            assert self.cli(peer, "channel", "list").stdout == f"Channels peers has joined: \n{CHANNEL}\n"

    def leader(self):
        """The node that says so last; each says who leads when that changes."""
        for name in ORDERERS:
            log = self.processes[name].text()
            if self.processes[name].popen.poll() is None and \
                    log.rfind("Start accepting requests as Raft leader") > log.rfind("Stop accepting requests"):
                return name
        return None

    def deploy(self, name, command, more_env):
        """One package and one service for each organisation, on both its peers; then approval and commit."""
        definition = ["-C", CHANNEL, "-n", name, "-v", "1.0", "--sequence", "1"]
        for org in ("org1", "org2"):
            port, tls = free_ports(1)[0], self.peer(f"peer0.{org}") / "tls"
            connection = {"address": f"127.0.0.1:{port}", "dial_timeout": "10s", "tls_required": True,
                          "client_auth_required": True, "client_key": (tls / "server.key").read_text(),
                          "client_cert": (tls / "server.crt").read_text(), "root_cert": (tls / "ca.crt").read_text()}
            package = self.folder / f"{name}-{org}.tar.gz"
            tar_gz(package, {"metadata.json": json.dumps({"type": "ccaas", "label": f"{name}_1"}).encode(),
                             "code.tar.gz": tar_gz(None, {"connection.json": json.dumps(connection).encode()})})
            package_id = self.cli(f"peer0.{org}", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
            for peer in (f"peer0.{org}", f"peer1.{org}"):
                self.cli(peer, "lifecycle", "chaincode", "install", package)
            env = {**os.environ, **more_env, "CHAINCODE_ID": package_id, "CORE_CHAINCODE_ID_NAME": package_id,
                   "CHAINCODE_SERVER_ADDRESS": f"127.0.0.1:{port}", "CHAINCODE_TLS_CERT": str(tls / "server.crt"),
                   "CHAINCODE_TLS_KEY": str(tls / "server.key"), "CHAINCODE_CLIENT_CA_CERT": str(tls / "ca.crt")}
            self.processes[f"{name}-{org}"] = Process(f"{name}-{org}", command, env, self.folder)
            self.cli(f"peer0.{org}", "lifecycle", "chaincode", "approveformyorg", *self.through("orderer2", f"peer0.{org}"),
                     *definition, "--package-id", package_id)
        # As Fabric's scripts do, until the last approval is in a block everywhere.
        self.wait(f"approvals of {name}", lambda: json.loads(self.cli(
            "peer0.org1", "lifecycle", "chaincode", "checkcommitreadiness", *definition, "--output",
            "json").stdout)["approvals"] == {"Org1MSP": True, "Org2MSP": True})
        done = self.cli("peer0.org1", "lifecycle", "chaincode", "commit", *self.through("orderer3", "peer0.org1"),
                        *self.endorsers("peer0.org1", "peer0.org2"), *definition)
        assert done.stderr.count("committed with status (VALID) at") == 2, done.stderr
        for peer in PEERS:  # commit waited for the first of each organisation only
            self.wait(f"the definition of {name} at {peer}", lambda: self.cli(
                peer, "lifecycle", "chaincode", "querycommitted", "-C", CHANNEL, "-n", name, check=False).returncode == 0)

    def put(self, chaincode, key, orderer, by, *endorsers):
        """Until it is in a block; gives up after a while, as a client would."""
        return self.cli(by, "chaincode", "invoke", *self.through(orderer, by), *self.endorsers(*endorsers), "-C", CHANNEL,
                        "-n", chaincode, "-c", json.dumps({"Args": ["put", key, f"value of {key}"]}), "--waitForEvent",
                        check=False)

    def transact(self, chaincodes):
        written = []
        pairs = [("peer0.org1", "peer0.org2"), ("peer1.org1", "peer1.org2"), ("peer1.org1", "peer0.org2")]
        for chaincode in chaincodes:
            for i, (orderer, pair) in enumerate(zip(ORDERERS, pairs)):
                done = self.put(chaincode, f"k{i}", orderer, pair[i % 2], *pair)
                assert done.returncode == 0 and "Chaincode invoke successful. result: status:200" in done.stderr, done.stderr
                written.append((chaincode, f"k{i}"))
        gone = self.leader()
        self.processes[gone].stop(9)
        left = [name for name in ORDERERS if name != gone]
        self.wait("a new leader", self.leader)
        for i, chaincode in enumerate(chaincodes):
            done = self.put(chaincode, "without", left[i % 2], "peer0.org1", "peer0.org1", "peer1.org2")
            assert done.returncode == 0, done.stderr
            written.append((chaincode, "without"))
        self.start_orderer(gone)
        self.processes[gone].wait_for("Beginning to serve requests")
        done = self.wait("a transaction through the orderer that came back", lambda: (
            lambda d: d if d.returncode == 0 else None)(self.put(chaincodes[0], "back", gone, "peer0.org2", "peer0.org1", "peer0.org2")))
        written.append((chaincodes[0], "back"))
        return written

    def all_agree(self, written):
        height = max(self.height(peer) for peer in PEERS)
        for peer in PEERS:
            self.wait(f"height {height} at {peer}", lambda: self.height(peer) >= height)
        for chaincode, key in written:
            for peer in PEERS:
                got = self.cli(peer, "chaincode", "query", "-C", CHANNEL, "-n", chaincode, "-c", json.dumps({"Args": ["get", key]}))
                assert got.stdout == f"value of {key}\n", (peer, chaincode, key, got)
        infos = {self.cli(peer, "channel", "getinfo", "-c", CHANNEL).stdout for peer in PEERS}
        assert len(infos) == 1, infos
        # The orderers' newest block is the peers': its header is the same, whoever is asked.
        headers = set()
        for source in ([], *(self.through(name, "peer0.org1") for name in ORDERERS)):
            file = self.folder / "newest.block"
            self.cli("peer0.org1", "channel", "fetch", "newest", file, "-c", CHANNEL, *source)
            headers.add(file.read_bytes()[:72])
        assert len(headers) == 1, headers
        return height


def tar_gz(path, files):
    """As `tar czf` makes it; its bytes when there is no path."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    if path:
        path.write_bytes(out.getvalue())
    return out.getvalue()


def chaincodes():
    """name -> (command, environment): the languages that can run here."""
    found = {"cpp": ([str(ours() / "basic_chaincode")], {})}
    work = pathlib.Path(os.environ.get("SELVAGE_BUILD", ours().parent)) / "cli" / "chaincode"
    work.mkdir(parents=True, exist_ok=True)
    go, node = work / "gochaincode", work / "node_modules"
    if shutil.which("go"):
        made = subprocess.run(["go", "build", "-mod=readonly", "-o", str(go), "."], cwd=CHAINCODE / "go", capture_output=True,
                              text=True)
        if made.returncode == 0:
            found["go"] = ([str(go)], {})
    if shutil.which("node") and shutil.which("npm"):
        if not (node / "fabric-shim").exists():
            shutil.copy(CHAINCODE / "node" / "package.json", work)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=work, capture_output=True)
        if (node / "fabric-shim").exists():
            found["node"] = (["node", str(CHAINCODE / "node" / "chaincode.js")], {"NODE_PATH": str(node)})
    for language in {"go", "node"} - set(found):
        print(f"left out: chaincode in {language} cannot be built here")
    return found


def run(name, kinds, tools, languages):
    if os.environ.get("SELVAGE_ONLY", name) != name:
        return
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, FirstWeek(folder, kinds, tools) as net:
        try:
            net.make_material()
            net.start_nodes()
            net.make_channel()
            for language, (command, env) in languages.items():
                net.deploy(language, command, env)
            height = net.all_agree(net.transact(list(languages)))
        except Exception:
            if keep := os.environ.get("SELVAGE_KEEP"):
                shutil.copytree(folder, keep, dirs_exist_ok=True)
            raise
    print(f"{name}: {height} blocks, chaincode in {', '.join(languages)}, {time.monotonic() - started:.0f} s", flush=True)


def main():
    our = ours()
    for program in ("orderer", "peer", "basic_chaincode"):
        if not (our / program).exists():
            skip(f"{our / program} is not built")
    languages = chaincodes()
    nodes = (*ORDERERS, *PEERS)
    run("all ours", dict.fromkeys(nodes, our), our, languages)
    if not os.environ.get("FABRIC_GO_BIN"):
        print("FABRIC_GO_BIN names no folder with Fabric's programs: no halves")
        return
    go = pathlib.Path(os.environ["FABRIC_GO_BIN"])
    run("all upstream's", dict.fromkeys(nodes, go), go, languages)
    halves = {name: (our, go)[i % 2] for i, name in enumerate(nodes)}
    run("every other node ours, commands ours", halves, our, languages)
    run("every other node upstream's, commands upstream's", {n: go if k == our else our for n, k in halves.items()}, go, languages)


if __name__ == "__main__":
    main()
