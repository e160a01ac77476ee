"""A small network on loopback, mutual TLS on every listener: one raft orderer, two organisations with a peer each.

Which programs it is made of is chosen one by one, ours or upstream's, so that a test can put one of ours among theirs:

    with Network(folder, cryptogen=OURS, configtxgen=OURS, orderer=THEIRS, peer=THEIRS, osnadmin=THEIRS) as net:
        net.start()
        net.cli("org1", "channel", "list")

Every wait is for a line of a log or an answer, with a deadline. All processes end with the `with` block.
"""
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77  # what ctest counts as skipped


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(SKIP)


def upstream():
    """The folder with Go Fabric's programs."""
    folder = os.environ.get("FABRIC_GO_BIN", "")
    if not folder or not (pathlib.Path(folder) / "peer").exists():
        skip("FABRIC_GO_BIN names no folder with Fabric's programs")
    return pathlib.Path(folder)


def ours():
    """The folder with this project's programs."""
    return pathlib.Path(os.environ.get("SELVAGE_BIN", ROOT / "build" / "release" / "bin"))


class Ports:
    """Ports that nobody listens on, below those that the system gives to clients: a client's connection, of this test or of one
    beside it, never takes the port of a node that is not up yet, or is started again."""

    def __init__(self):
        self.lock = threading.Lock()
        self.left = random.SystemRandom().sample(range(10000, 30000), 4000)

    @staticmethod
    def is_free(port):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("0.0.0.0", port))
            except OSError:
                return False
            return True

    def take(self, count):
        found = []
        with self.lock:
            while len(found) < count:
                port = self.left.pop()
                if self.is_free(port):
                    found.append(port)
        return found

    def take_row(self, count):
        """The first of `count` neighbours."""
        with self.lock:
            while True:
                first = self.left.pop()
                if all(map(self.is_free, range(first, first + count))):
                    return first


PORTS = Ports()


def free_ports(count, first=0):
    """`count` ports that nobody listens on; with `first`: those from there on."""
    return list(range(first, first + count)) if first else PORTS.take(count)


CRYPTO = """
OrdererOrgs:
  - Name: Orderer
    Domain: example.com
    EnableNodeOUs: true
    Specs:
      - Hostname: orderer
        SANS: [localhost, 127.0.0.1]
PeerOrgs:
""" + "".join(f"""
  - Name: Org{n}
    Domain: org{n}.example.com
    EnableNodeOUs: true
    Template:
      Count: 1
      SANS: [localhost, 127.0.0.1]
    Users:
      Count: 1
""" for n in (1, 2))


def configtx(crypto, orderer_port, anchors=()):
    """configtx.yaml with one profile, TwoOrgs. `anchors`: each organisation's anchor peer's port."""
    def org(name, msp, folder, roles, extra=""):
        policies = "".join(f"      {p}: {{Type: Signature, Rule: \"OR({r})\"}}\n" for p, r in roles.items())
        return (f"  - &{name}\n    Name: {name}\n    ID: {msp}\n    MSPDir: {folder}/msp\n    Policies:\n{policies}{extra}")

    def peer_org(n):
        m = f"Org{n}MSP"
        return org(f"Org{n}", m, f"{crypto}/peerOrganizations/org{n}.example.com", {
            "Readers": f"'{m}.admin', '{m}.peer', '{m}.client'", "Writers": f"'{m}.admin', '{m}.client'",
            "Admins": f"'{m}.admin'", "Endorsement": f"'{m}.peer'"},
            f"    AnchorPeers: [{{Host: 127.0.0.1, Port: {anchors[n - 1]}}}]" + chr(10) if anchors else "")

    meta = lambda **rules: "{" + ", ".join(f"{k}: {{Type: ImplicitMeta, Rule: \"{v}\"}}" for k, v in rules.items()) + "}"
    usual = dict(Readers="ANY Readers", Writers="ANY Writers", Admins="MAJORITY Admins")
    tls = f"{crypto}/ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt"
    return f"""Organizations:
{org("OrdererOrg", "OrdererMSP", f"{crypto}/ordererOrganizations/example.com",
     {"Readers": "'OrdererMSP.member'", "Writers": "'OrdererMSP.member'", "Admins": "'OrdererMSP.admin'"},
     f"    OrdererEndpoints: ['127.0.0.1:{orderer_port}']" + chr(10))}
{peer_org(1)}
{peer_org(2)}
Profiles:
  TwoOrgs:
    Policies: {meta(**usual)}
    Capabilities: {{V3_0: true}}
    Orderer:
      OrdererType: etcdraft
      BatchTimeout: 100ms
      BatchSize: {{MaxMessageCount: 100, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 2 MB}}
      EtcdRaft:
        Consenters:
          - {{Host: 127.0.0.1, Port: {orderer_port}, ClientTLSCert: {tls}, ServerTLSCert: {tls}}}
        Options: {{TickInterval: 100ms, ElectionTick: 5, HeartbeatTick: 1, MaxInflightBlocks: 5, SnapshotIntervalSize: 16 MB}}
      Organizations: [*OrdererOrg]
      Policies: {meta(BlockValidation="ANY Writers", **usual)}
      Capabilities: {{V2_0: true}}
    Application:
      Organizations: [*Org1, *Org2]
      Policies: {meta(LifecycleEndorsement="MAJORITY Endorsement", Endorsement="MAJORITY Endorsement", **usual)}
      Capabilities: {{V2_5: true}}
"""


def ask_operations(port, path, method, ca, certificate, key):
    """JSON of a page of an operations listener that has TLS."""
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


class Process:
    """A program that runs, its output in a log file."""

    def __init__(self, name, command, env, folder):
        self.name = name
        self.log = folder / f"{name}.log"
        self.file = open(self.log, "ab")
        self.begun = len(self.text())  # what a process before this one has said
        self.popen = subprocess.Popen(command, env=env, cwd=folder, stdout=self.file, stderr=self.file)

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, pattern, timeout=30, own=False):
        """Until a line of the log matches; `own`: a line of this process, not of one before it with the same log."""
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.text()[self.begun if own else 0:]):
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.popen.returncode}:\n{self.text()[-3000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: no '{pattern}' within {timeout} s:\n{self.text()[-3000:]}")
            time.sleep(0.02)  # between two looks at a file; what counts is the deadline

    def stop(self, with_signal=signal.SIGTERM):
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self.file.close()


class Network:
    def __init__(self, folder, cryptogen, configtxgen, orderer, peer, osnadmin, cli=None, first_port=0,
                 config=ROOT / "config", anchors=False):
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.programs = dict(cryptogen=cryptogen, configtxgen=configtxgen, orderer=orderer, peer=peer,
                             osnadmin=osnadmin, cli=cli or peer)
        self.config = config
        self.anchors = anchors  # whether organisations' peers find each other by gossip
        self.processes = {}
        names = ["orderer", "admin", "orderer_ops", "org1", "org1_ops", "org1_cc", "org2", "org2_ops", "org2_cc"]
        self.ports = dict(zip(names, free_ports(len(names), first_port)))
        self.crypto = self.folder / "crypto-config"
        self.block = self.folder / "mychannel.block"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(list(self.processes.values())):
            process.stop()

    # -- material ---------------------------------------------------------------------------------------------------
    def make_material(self):
        (self.folder / "crypto-config.yaml").write_text(CRYPTO)
        (self.folder / "configtx.yaml").write_text(configtx(
            self.crypto, self.ports["orderer"], [self.ports["org1"], self.ports["org2"]] if self.anchors else ()))
        self.run("cryptogen", "generate", "--config", "crypto-config.yaml", "--output", str(self.crypto))
        self.run("configtxgen", "-configPath", str(self.folder), "-profile", "TwoOrgs", "-channelID", "mychannel",
                 "-outputBlock", str(self.block))

    def org(self, name):
        return self.crypto / "peerOrganizations" / f"{name}.example.com"

    def peer_tls(self, name):
        return self.org(name) / "peers" / f"peer0.{name}.example.com" / "tls"

    @property
    def orderer_home(self):
        return self.crypto / "ordererOrganizations" / "example.com" / "orderers" / "orderer.example.com"

    @property
    def orderer_ca(self):
        return self.orderer_home / "tls" / "ca.crt"

    # -- processes --------------------------------------------------------------------------------------------------
    def start_orderer(self):
        tls = self.orderer_home / "tls"
        admin_ca = tls / "ca.crt"
        env = self.environment(
            ORDERER_GENERAL_LISTENPORT=self.ports["orderer"], ORDERER_GENERAL_LOCALMSPID="OrdererMSP",
            ORDERER_GENERAL_LOCALMSPDIR=self.orderer_home / "msp", ORDERER_GENERAL_TLS_ENABLED="true",
            ORDERER_GENERAL_TLS_PRIVATEKEY=tls / "server.key", ORDERER_GENERAL_TLS_CERTIFICATE=tls / "server.crt",
            ORDERER_GENERAL_TLS_ROOTCAS=f"[{admin_ca}]", ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED="true",
            ORDERER_GENERAL_TLS_CLIENTROOTCAS=f"[{admin_ca}]",
            ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=tls / "server.crt",
            ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=tls / "server.key",
            ORDERER_FILELEDGER_LOCATION=self.folder / "orderer",
            ORDERER_CONSENSUS_WALDIR=self.folder / "orderer" / "wal",
            ORDERER_CONSENSUS_SNAPDIR=self.folder / "orderer" / "snap",
            ORDERER_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.ports['orderer_ops']}",
            ORDERER_ADMIN_LISTENADDRESS=f"127.0.0.1:{self.ports['admin']}", ORDERER_ADMIN_TLS_ENABLED="true",
            ORDERER_ADMIN_TLS_CERTIFICATE=tls / "server.crt", ORDERER_ADMIN_TLS_PRIVATEKEY=tls / "server.key",
            ORDERER_ADMIN_TLS_ROOTCAS=f"[{admin_ca}]", ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED="true",
            ORDERER_ADMIN_TLS_CLIENTROOTCAS=f"[{admin_ca}]", ORDERER_CHANNELPARTICIPATION_ENABLED="true")
        process = self.processes["orderer"] = Process("orderer", [str(self.programs["orderer"])], env, self.folder)
        process.wait_for("Beginning to serve requests", own=True)
        return process

    def start_peer(self, name, **more):
        port, tls = self.ports[name], self.peer_tls(name)
        env = self.environment(**{**dict(
            CORE_PEER_ID=f"peer0.{name}.example.com", CORE_PEER_LISTENADDRESS=f"127.0.0.1:{port}",
            CORE_PEER_ADDRESS=f"127.0.0.1:{port}", CORE_PEER_GOSSIP_BOOTSTRAP=f"127.0.0.1:{port}",
            CORE_PEER_GOSSIP_EXTERNALENDPOINT=f"127.0.0.1:{port}",
            CORE_PEER_LOCALMSPID=f"{name.capitalize()}MSP", CORE_PEER_MSPCONFIGPATH=tls.parent / "msp",
            CORE_PEER_TLS_ENABLED="true", CORE_PEER_TLS_CLIENTAUTHREQUIRED="true",
            CORE_PEER_TLS_CERT_FILE=tls / "server.crt", CORE_PEER_TLS_KEY_FILE=tls / "server.key",
            CORE_PEER_TLS_ROOTCERT_FILE=tls / "ca.crt", CORE_PEER_TLS_CLIENTROOTCAS_FILES=tls / "ca.crt",
            CORE_PEER_FILESYSTEMPATH=self.folder / name, CORE_LEDGER_SNAPSHOTS_ROOTDIR=self.folder / name / "snapshots",
            CORE_PEER_CHAINCODELISTENADDRESS=f"127.0.0.1:{self.ports[name + '_cc']}",
            CORE_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.ports[name + '_ops']}", CORE_VM_ENDPOINT="",
            CORE_CHAINCODE_EXTERNALBUILDERS=json.dumps([{"name": "ccaas", "path": str(self.builder())}])), **more})
        process = self.processes[name] = Process(name, [str(self.programs["peer"]), "node", "start"], env, self.folder)
        process.wait_for("Started peer with ID=", own=True)
        return process

    def operations_tls(self, name):
        """For start_peer: an operations listener with mutual TLS, on the peer's server pair."""
        tls = self.peer_tls(name)
        return dict(CORE_OPERATIONS_TLS_ENABLED="true", CORE_OPERATIONS_TLS_CERT_FILE=tls / "server.crt",
                    CORE_OPERATIONS_TLS_KEY_FILE=tls / "server.key", CORE_OPERATIONS_TLS_CLIENTAUTHREQUIRED="true",
                    CORE_OPERATIONS_TLS_CLIENTROOTCAS_FILES=tls / "ca.crt")

    def operations(self, name, path, method="GET"):
        org = name[:4]  # "org1"
        home = self.org(org) / "users" / f"Admin@{org}.example.com" / "tls"
        return ask_operations(self.ports[name + "_ops"], path, method, self.peer_tls(name) / "ca.crt", home / "client.crt",
                              home / "client.key")

    def builder(self):
        """An external builder for chaincode as a service, for upstream's peer: three small shell scripts."""
        folder = self.folder / "ccaas_builder" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        scripts = {
            "detect": 'grep -q \'"type" *: *"ccaas"\' "$2/metadata.json"',
            "build": 'cp "$1/connection.json" "$3/" && if [ -d "$1/META-INF" ]; then cp -r "$1/META-INF" "$3/"; fi',
            "release": 'mkdir -p "$2/chaincode/server" && cp "$1/connection.json" "$2/chaincode/server/"',
        }
        for name, body in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\nset -e\n{body}\n")
            (folder / name).chmod(0o755)
        return folder.parent

    # -- commands ---------------------------------------------------------------------------------------------------
    def environment(self, **more):
        return {**os.environ, "FABRIC_CFG_PATH": str(self.config), **{k: str(v) for k, v in more.items()}}

    def run(self, program, *arguments, env=None, check=True):
        done = subprocess.run([str(self.programs[program]), *map(str, arguments)], cwd=self.folder, text=True,
                              env=env or self.environment(), capture_output=True, timeout=120)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}:\n"
                               f"{done.stdout}{done.stderr}")
        return done

    def cli(self, org, *arguments, user="Admin", check=True, **more):
        """`peer` as a user of an organisation, with this user's TLS pair."""
        home = self.org(org) / "users" / f"{user}@{org}.example.com"
        env = self.environment(**{**dict(
            CORE_PEER_ADDRESS=f"127.0.0.1:{self.ports[org]}", CORE_PEER_LOCALMSPID=f"{org.capitalize()}MSP",
            CORE_PEER_MSPCONFIGPATH=home / "msp", CORE_PEER_TLS_ENABLED="true",
            CORE_PEER_TLS_CLIENTAUTHREQUIRED="true", CORE_PEER_TLS_ROOTCERT_FILE=self.peer_tls(org) / "ca.crt",
            CORE_PEER_TLS_CLIENTCERT_FILE=home / "tls" / "client.crt",
            CORE_PEER_TLS_CLIENTKEY_FILE=home / "tls" / "client.key"), **more})
        return self.run("cli", *arguments, env=env, check=check)

    def orderer_flags(self, org, user="Admin"):
        tls = self.org(org) / "users" / f"{user}@{org}.example.com" / "tls"
        return ["-o", f"127.0.0.1:{self.ports['orderer']}", "--tls", "--cafile", self.orderer_ca, "--clientauth",
                "--certfile", tls / "client.crt", "--keyfile", tls / "client.key"]

    def peer_flags(self, *orgs):
        flags = []
        for org in orgs:
            flags += ["--peerAddresses", f"127.0.0.1:{self.ports[org]}", "--tlsRootCertFiles",
                      self.peer_tls(org) / "ca.crt"]
        return flags

    def admin(self, *arguments, check=True):
        tls = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        return self.run("osnadmin", "channel", *arguments, "-o", f"127.0.0.1:{self.ports['admin']}", "--ca-file",
                        self.orderer_ca, "--client-cert", tls / "client.crt", "--client-key", tls / "client.key",
                        check=check)

    def join(self):
        """The channel, on the orderer and both peers."""
        self.admin("join", "--channelID", "mychannel", "--config-block", self.block)
        self.processes["orderer"].wait_for("Start accepting requests as Raft leader")
        for org in ("org1", "org2"):
            self.cli(org, "channel", "join", "-b", self.block)

    def start(self):
        self.make_material()
        self.start_orderer()
        self.start_peer("org1")
        self.start_peer("org2")
        self.join()
