"""Many organisations with several peers each on loopback, mutual TLS on every listener, one raft orderer.

Each peer may be ours or upstream's. Anchor peers are in the channel's first configuration: peer0 of each organisation.

    with PeerNetwork(folder, orgs=5, peers=2) as net:
        net.start()                       # orderer, peers, channel on all
        net.wait_for_views(9)
"""
import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from network import Network, Process, configtx, free_ports, ours  # noqa: E402


class PeerNetwork(Network):
    def __init__(self, folder, orgs=2, peers=2, programs=None, peer_of=None, settings=None,
                 max_message_count=100):
        """`peer_of(name)`: the `peer` program of "org1.peer0", ours when None; `settings(name)`: more environment."""
        bin_folder = ours()
        usual = {p: bin_folder / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}
        super().__init__(folder, **{**usual, **(programs or {})})
        self.org_names = [f"org{n}" for n in range(1, orgs + 1)]
        self.names = [f"{org}.peer{i}" for org in self.org_names for i in range(peers)]
        self.peers_each = peers
        self.max_message_count = max_message_count
        self.peer_of = peer_of or (lambda name: None)
        self.settings = settings or (lambda name: {})
        ports = free_ports(len(self.names) * 3)
        for i, name in enumerate(self.names):
            self.ports[name], self.ports[name + "_ops"], self.ports[name + "_cc"] = ports[3 * i:3 * i + 3]

    # -- material ---------------------------------------------------------------------------------------------------
    def make_material(self):
        peer_orgs = "".join(f"""
  - Name: Org{n}
    Domain: org{n}.example.com
    EnableNodeOUs: true
    Template:
      Count: {self.peers_each}
      SANS: [localhost, 127.0.0.1]
    Users:
      Count: 1
""" for n in range(1, len(self.org_names) + 1))
        (self.folder / "crypto-config.yaml").write_text("""
OrdererOrgs:
  - Name: Orderer
    Domain: example.com
    EnableNodeOUs: true
    Specs:
      - Hostname: orderer
        SANS: [localhost, 127.0.0.1]
PeerOrgs:
""" + peer_orgs)
        (self.folder / "configtx.yaml").write_text(self.profile())
        self.run("cryptogen", "generate", "--config", "crypto-config.yaml", "--output", str(self.crypto))
        self.run("configtxgen", "-configPath", str(self.folder), "-profile", "TwoOrgs", "-channelID", "mychannel",
                 "-outputBlock", str(self.block))

    def profile(self):
        """configtx.yaml of network.py with more organisations, each with an anchor peer."""
        text = configtx(self.crypto, self.ports["orderer"])
        head, rest = text.split("  - &Org1\n", 1)
        _, profiles = rest.split("Profiles:", 1)
        orgs = ""
        for n, org in enumerate(self.org_names, 1):
            m = f"Org{n}MSP"
            roles = {"Readers": f"'{m}.admin', '{m}.peer', '{m}.client'", "Writers": f"'{m}.admin', '{m}.client'",
                     "Admins": f"'{m}.admin'", "Endorsement": f"'{m}.peer'"}
            policies = "".join(f"      {p}: {{Type: Signature, Rule: \"OR({r})\"}}\n" for p, r in roles.items())
            orgs += (f"  - &Org{n}\n    Name: Org{n}\n    ID: {m}\n    MSPDir: {self.org(org)}/msp\n    Policies:\n{policies}"
                     f"    AnchorPeers: [{{Host: 127.0.0.1, Port: {self.ports[org + '.peer0']}}}]\n")
        profiles = profiles.replace("MaxMessageCount: 100", f"MaxMessageCount: {self.max_message_count}")
        profiles = profiles.replace("[*Org1, *Org2]", "[" + ", ".join(f"*Org{n}" for n in range(1, len(self.org_names) + 1)) + "]")
        return head + orgs + "Profiles:" + profiles

    def org(self, name):
        return super().org(name.split(".")[0])

    def peer_tls(self, name):
        org, _, peer = name.partition(".")
        return self.org(org) / "peers" / f"{peer or 'peer0'}.{org}.example.com" / "tls"

    # -- processes --------------------------------------------------------------------------------------------------
    def start_peer(self, name, **more):
        port, tls = self.ports[name], self.peer_tls(name)
        org, peer = name.split(".")
        env = self.environment(**{**dict(
            CORE_PEER_ID=f"{peer}.{org}.example.com", CORE_PEER_LISTENADDRESS=f"127.0.0.1:{port}",
            CORE_PEER_ADDRESS=f"127.0.0.1:{port}", CORE_PEER_GOSSIP_BOOTSTRAP=f"127.0.0.1:{self.ports[org + '.peer0']}",
            CORE_PEER_GOSSIP_EXTERNALENDPOINT=f"127.0.0.1:{port}",
            CORE_PEER_LOCALMSPID=f"{org.capitalize()}MSP", CORE_PEER_MSPCONFIGPATH=tls.parent / "msp",
            CORE_PEER_TLS_ENABLED="true", CORE_PEER_TLS_CLIENTAUTHREQUIRED="true",
            CORE_PEER_TLS_CERT_FILE=tls / "server.crt", CORE_PEER_TLS_KEY_FILE=tls / "server.key",
            CORE_PEER_TLS_ROOTCERT_FILE=tls / "ca.crt", CORE_PEER_TLS_CLIENTROOTCAS_FILES=tls / "ca.crt",
            CORE_PEER_FILESYSTEMPATH=self.folder / name, CORE_LEDGER_SNAPSHOTS_ROOTDIR=self.folder / name / "snapshots",
            CORE_PEER_CHAINCODELISTENADDRESS=f"127.0.0.1:{self.ports[name + '_cc']}",
            CORE_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.ports[name + '_ops']}", CORE_METRICS_PROVIDER="prometheus",
            CORE_VM_ENDPOINT="",
            CORE_CHAINCODE_EXTERNALBUILDERS=json.dumps([{"name": "ccaas", "path": str(self.builder())}])),
            **self.settings(name), **more})
        program = self.peer_of(name) or self.programs["peer"]
        process = self.processes[name] = Process(name, [str(program), "node", "start"], env, self.folder)
        return process

    def start_peers(self, names=None):
        for name in names or self.names:
            self.start_peer(name)
        for name in names or self.names:
            self.processes[name].wait_for("Started peer with ID=")

    def join_peer(self, name):
        self.cli(name, "channel", "join", "-b", self.block)

    def cli(self, name, *arguments, user="Admin", check=True, **more):
        """`peer` as a user of the organisation of "org1.peer0" (or of "org1": its peer0)."""
        org, _, peer = name.partition(".")
        peer = f"{org}.{peer or 'peer0'}"
        home = self.org(org) / "users" / f"{user}@{org}.example.com"
        env = self.environment(**{**dict(
            CORE_PEER_ADDRESS=f"127.0.0.1:{self.ports[peer]}", CORE_PEER_LOCALMSPID=f"{org.capitalize()}MSP",
            CORE_PEER_MSPCONFIGPATH=home / "msp", CORE_PEER_TLS_ENABLED="true",
            CORE_PEER_TLS_CLIENTAUTHREQUIRED="true", CORE_PEER_TLS_ROOTCERT_FILE=self.peer_tls(peer) / "ca.crt",
            CORE_PEER_TLS_CLIENTCERT_FILE=home / "tls" / "client.crt",
            CORE_PEER_TLS_CLIENTKEY_FILE=home / "tls" / "client.key"), **more})
        return self.run("cli", *arguments, env=env, check=check)

    def peer_flags(self, *names):
        flags = []
        for name in names:
            flags += ["--peerAddresses", f"127.0.0.1:{self.ports[name]}", "--tlsRootCertFiles",
                      self.peer_tls(name) / "ca.crt"]
        return flags

    def start(self, before_join=lambda: None):
        self.make_material()
        self.start_orderer()
        self.start_peers()
        before_join()
        self.admin("join", "--channelID", "mychannel", "--config-block", self.block)
        self.processes["orderer"].wait_for("Start accepting requests as Raft leader")
        for name in self.names:
            self.join_peer(name)

    # -- what peers say -----------------------------------------------------------------------------------------------
    def metric(self, name, metric):
        """The value of a metric of mychannel; None when it is not there (yet)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name + '_ops']}/metrics", timeout=10) as answer:
                found = re.search(rf'^{metric}{{channel="mychannel"}} (\S+)$', answer.read().decode(), re.M)
        except OSError:
            return None  # it is only starting
        return float(found.group(1)) if found else None

    def wait_until(self, what, predicate, timeout=30):
        deadline = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {timeout} s: {what}")
            time.sleep(0.05)  # between two looks; what counts is the deadline

    def wait_for_views(self, count, names=None, timeout=30):
        """Until each of these peers sees `count` others in the channel."""
        for name in names or self.names:
            self.wait_until(f"{name} sees {count} peers: {self.metric(name, 'gossip_membership_total_peers_known')}",
                            lambda: self.metric(name, "gossip_membership_total_peers_known") == count, timeout)

    def height(self, name):
        done = self.cli(name, "channel", "getinfo", "-c", "mychannel")
        return json.loads(re.search(r"\{.*\}", done.stdout + done.stderr).group(0))["height"]

    def make_blocks(self, count):
        """That many blocks of one transaction each, signed by a user of Org1; needs max_message_count 1."""
        home = self.org("org1") / "users" / "Admin@org1.example.com"
        subprocess.run([ours() / "make_blocks", f"127.0.0.1:{self.ports['orderer']}", self.orderer_ca, home / "msp", "Org1MSP",
                        home / "tls" / "client.crt", home / "tls" / "client.key", "mychannel", str(count)],
                       check=True, timeout=120)
