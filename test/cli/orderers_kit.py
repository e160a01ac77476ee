"""Clusters of orderers on loopback, mutual TLS on every listener, ours and upstream's mixed as a test likes:

    with Orderers(folder, ["ours", "ours", "theirs"]) as net:
        net.start()                                   # all of them, and a channel that has them as consenters
        net.update(lambda config: ...)                # a config update, by way of `peer` and `configtxlator`
        net.wait(lambda: net.heights() ...)

Every wait is for a line of a log or an answer, with a deadline. All processes end with the `with` block.
"""
import base64
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import time
import urllib.request

from network import Process, ROOT, ask_operations, free_ports, ours

CHANNEL = "mychannel"


def upstream_folder():
    folder = os.environ.get("FABRIC_GO_BIN", "")
    return pathlib.Path(folder) if folder and (pathlib.Path(folder) / "orderer").exists() else None


class Orderers:
    """`kinds`: "ours" or "theirs" for each node; the first `consenters` of them (default all) found the channel. `anchors`: ports
    of the peer organisations' anchor peers, one each; without, there is one organisation and no anchor. `peers`: of each.
    `operations_tls`: mutual TLS on the operations listeners."""

    def __init__(self, folder, kinds, consenters=None, options="", tick="100ms", separate_listener=(), env=None, bft=False, anchors=(),
                 peers=1, operations_tls=False):
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kinds = list(kinds)
        self.consenters = len(kinds) if consenters is None else consenters
        self.options, self.tick, self.env, self.bft = options, tick, env or {}, bft
        self.separate = set(separate_listener)
        self.anchors, self.peers, self.operations_tls = list(anchors), peers, operations_tls
        self.ports = free_ports(4 * len(kinds))
        self.processes = {}
        self.crypto = self.folder / "crypto-config"
        self.genesis = self.folder / "genesis.block"
        self.bin = ours()
        self.updates = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.stop(signal.SIGKILL)

    def port(self, i, what="general"):
        return self.ports[4 * i + ["general", "admin", "ops", "cluster"].index(what)]

    def address(self, i):
        return f"127.0.0.1:{self.port(i)}"

    def home(self, i):
        return self.crypto / "ordererOrganizations/example.com/orderers" / f"orderer{i}.example.com"

    def consenter_port(self, i):
        return self.port(i, "cluster" if i in self.separate else "general")

    @property
    def ca(self):
        return self.home(0) / "tls" / "ca.crt"

    def pair(self, i, role):
        """(certificate, key) of node i as "general", "cluster client" or "cluster server": one for all, unless a test says
        otherwise."""
        return self.home(i) / "tls/server.crt", self.home(i) / "tls/server.key"

    def make_pairs(self):
        """Called when cryptogen was there: for a test with pairs of its own."""

    # -- material -----------------------------------------------------------------------------------------------------
    def make_material(self):
        # Go's orderer takes from the environment only what the file has a line for.
        text = (ROOT / "config/orderer.yaml").read_text()
        if not re.search(r"^\s*EvictionSuspicion:", text, re.M):
            text = re.sub(r"^Consensus:.*$", "Consensus:\n  EvictionSuspicion: 4s", text, flags=re.M)
        (self.folder / "orderer.yaml").write_text(text)
        names = "".join(f"      - {{Hostname: orderer{i}, SANS: [localhost, 127.0.0.1]}}\n" for i in range(len(self.kinds)))
        (self.folder / "crypto-config.yaml").write_text(
            "OrdererOrgs:\n  - Name: Orderer\n    Domain: example.com\n    EnableNodeOUs: true\n    Specs:\n" + names +
            "PeerOrgs:\n" + "".join(
                f"  - Name: Org{n}\n    Domain: org{n}.example.com\n    EnableNodeOUs: true\n    Template: {{Count: {self.peers}, SANS: [localhost, "
                "127.0.0.1]}\n    Users: {Count: 1}\n" for n, _ in self._peer_orgs()))
        self.run("cryptogen", "generate", "--config", "crypto-config.yaml", "--output", str(self.crypto))
        self.make_pairs()
        meta = lambda **rules: "{" + ", ".join(f"{k}: {{Type: ImplicitMeta, Rule: \"{v}\"}}" for k, v in rules.items()) + "}"
        usual = dict(Readers="ANY Readers", Writers="ANY Writers", Admins="MAJORITY Admins")
        org = lambda name, msp, path, more="": (
            f"  - &{name}\n    Name: {name}\n    ID: {msp}\n    MSPDir: {path}/msp\n{more}    Policies:\n"
            + "".join(f"      {p}: {{Type: Signature, Rule: \"OR('{msp}.{r}')\"}}\n"
                      for p, r in (("Readers", "member"), ("Writers", "member"), ("Admins", "admin"), ("Endorsement", "peer"))))
        endpoints = ", ".join(f"'{self.address(i)}'" for i in range(len(self.kinds)))
        certificates = lambda i: (f"ClientTLSCert: {self.pair(i, 'cluster client')[0]}, ServerTLSCert: {self._listener_pair(i)[0]}")
        if self.bft:
            consensus = "OrdererType: BFT\n      ConsenterMapping:\n" + "".join(
                f"        - {{ID: {i + 1}, Host: 127.0.0.1, Port: {self.consenter_port(i)}, MSPID: OrdererMSP, Identity: "
                f"{next((self.home(i) / 'msp/signcerts').iterdir())}, {certificates(i)}}}\n" for i in range(self.consenters)
            ) + (self.options or "      SmartBFT: {RequestBatchMaxInterval: 50ms, RequestForwardTimeout: 2s, RequestComplainTimeout: 4s, "
                 "RequestAutoRemoveTimeout: 3m0s, ViewChangeResendInterval: 2s, ViewChangeTimeout: 4s, LeaderHeartbeatTimeout: 5s, "
                 "LeaderHeartbeatCount: 10, CollectTimeout: 1s, IncomingMessageBufferSize: 200, RequestPoolSize: 1000}\n")
        else:
            consensus = "OrdererType: etcdraft\n      EtcdRaft:\n        Consenters:\n" + "".join(
                f"          - {{Host: 127.0.0.1, Port: {self.consenter_port(i)}, {certificates(i)}}}\n"
                for i in range(self.consenters)) + (
                f"        Options: {{TickInterval: {self.tick}, ElectionTick: 10, HeartbeatTick: 1, MaxInflightBlocks: 5, "
                f"{self.options or 'SnapshotIntervalSize: 16 MB'}}}\n")
        (self.folder / "configtx.yaml").write_text(f"""Organizations:
{org("OrdererOrg", "OrdererMSP", f"{self.crypto}/ordererOrganizations/example.com", f"    OrdererEndpoints: [{endpoints}]" + chr(10))}
{chr(10).join(org(f"Org{n}", f"Org{n}MSP", f"{self.crypto}/peerOrganizations/org{n}.example.com", anchor) for n, anchor in self._peer_orgs())}
Profiles:
  Channel:
    Policies: {meta(**usual)}
    Capabilities: {{V3_0: true}}
    Orderer:
      {consensus}      BatchTimeout: 100ms
      BatchSize: {{MaxMessageCount: 10, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 2 MB}}
      Organizations: [*OrdererOrg]
      Policies: {meta(BlockValidation="ANY Writers", **usual)}
      Capabilities: {{V2_0: true}}
    Application:
      Organizations: [{", ".join(f"*Org{n}" for n, _ in self._peer_orgs())}]
      Policies: {meta(LifecycleEndorsement="MAJORITY Endorsement", Endorsement="MAJORITY Endorsement", **usual)}
      Capabilities: {{V2_5: true}}
""")
        self.run("configtxgen", "-configPath", str(self.folder), "-profile", "Channel", "-channelID", CHANNEL,
                 "-outputBlock", str(self.genesis))

    def _peer_orgs(self):
        """(number, its lines of anchor peers)"""
        return [(n, f"    AnchorPeers: [{{Host: 127.0.0.1, Port: {port}}}]" + chr(10) if port else "")
                for n, port in enumerate(self.anchors or [None], 1)]

    def _listener_pair(self, i):
        return self.pair(i, "cluster server" if i in self.separate else "general")

    # -- processes ----------------------------------------------------------------------------------------------------
    def program(self, i):
        return self.bin / "orderer" if self.kinds[i] == "ours" else upstream_folder() / "orderer"

    def start_one(self, i):
        data = self.folder / f"data{i}"
        (certificate, key), client = self.pair(i, "general"), self.pair(i, "cluster client")
        env = {**os.environ, "FABRIC_CFG_PATH": str(self.folder), **{k: str(v) for k, v in dict(
            ORDERER_GENERAL_LISTENPORT=self.port(i), ORDERER_GENERAL_LOCALMSPID="OrdererMSP",
            ORDERER_GENERAL_LOCALMSPDIR=self.home(i) / "msp", ORDERER_GENERAL_TLS_ENABLED="true",
            ORDERER_GENERAL_TLS_PRIVATEKEY=key, ORDERER_GENERAL_TLS_CERTIFICATE=certificate,
            ORDERER_GENERAL_TLS_ROOTCAS=f"[{self.ca}]", ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED="true",
            ORDERER_GENERAL_TLS_CLIENTROOTCAS=f"[{self.ca}]",
            ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=client[0], ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=client[1],
            ORDERER_GENERAL_CLUSTER_ROOTCAS=f"[{self.ca}]",
            ORDERER_GENERAL_CLUSTER_REPLICATIONRETRYTIMEOUT="500ms", ORDERER_GENERAL_BACKOFF_MAXDELAY="2s",
            ORDERER_FILELEDGER_LOCATION=data, ORDERER_CONSENSUS_WALDIR=data / "wal",
            ORDERER_CONSENSUS_SNAPDIR=data / "snap", ORDERER_CONSENSUS_EVICTIONSUSPICION="4s",
            ORDERER_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.port(i, 'ops')}",
            ORDERER_METRICS_PROVIDER="prometheus",
            ORDERER_ADMIN_LISTENADDRESS=f"127.0.0.1:{self.port(i, 'admin')}", ORDERER_ADMIN_TLS_ENABLED="true",
            ORDERER_ADMIN_TLS_CERTIFICATE=certificate, ORDERER_ADMIN_TLS_PRIVATEKEY=key,
            ORDERER_ADMIN_TLS_ROOTCAS=f"[{self.ca}]", ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED="true",
            ORDERER_ADMIN_TLS_CLIENTROOTCAS=f"[{self.ca}]", ORDERER_CHANNELPARTICIPATION_ENABLED="true").items()},
            **{k: str(v) for k, v in self.env.items()}}
        if i in self.separate:
            env.update(ORDERER_GENERAL_CLUSTER_LISTENADDRESS="127.0.0.1",
                       ORDERER_GENERAL_CLUSTER_LISTENPORT=str(self.port(i, "cluster")),
                       ORDERER_GENERAL_CLUSTER_SERVERCERTIFICATE=str(self._listener_pair(i)[0]),
                       ORDERER_GENERAL_CLUSTER_SERVERPRIVATEKEY=str(self._listener_pair(i)[1]))
        if self.operations_tls:
            env.update(ORDERER_OPERATIONS_TLS_ENABLED="true", ORDERER_OPERATIONS_TLS_CERTIFICATE=str(certificate),
                       ORDERER_OPERATIONS_TLS_PRIVATEKEY=str(key), ORDERER_OPERATIONS_TLS_CLIENTAUTHREQUIRED="true",
                       ORDERER_OPERATIONS_TLS_CLIENTROOTCAS=f"[{self.ca}]")
        log = self.folder / f"orderer{i}.log"
        before = log.read_text(errors="replace").count("Beginning to serve requests") if log.exists() else 0
        process = self.processes[i] = Process(f"orderer{i}", [str(self.program(i))], env, self.folder)
        self.wait(lambda: process.text().count("Beginning to serve requests") > before or process.popen.poll() is not None)
        assert process.popen.poll() is None, f"orderer{i} ended:\n{process.text()[-3000:]}"
        return process

    def kill(self, i, with_signal=signal.SIGKILL):
        self.processes[i].stop(with_signal)

    def start(self):
        self.make_material()
        for i in range(len(self.kinds)):
            self.start_one(i)
        for i in range(self.consenters):
            self.join(i)
        if not self.bft:
            self.wait_for_leader()

    def log(self, i):
        return (self.folder / f"orderer{i}.log").read_text(errors="replace")

    # -- commands -----------------------------------------------------------------------------------------------------
    def run(self, program, *arguments, env=None, check=True, timeout=60):
        done = subprocess.run([str(self.bin / program), *map(str, arguments)], cwd=self.folder, capture_output=True,
                              text=True, timeout=timeout,
                              env={**os.environ, "FABRIC_CFG_PATH": str(ROOT / "config"), **(env or {})})
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}:\n"
                               f"{done.stdout}{done.stderr}")
        return done

    def admin(self, i, *arguments, check=True):
        tls = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        return self.run("osnadmin", "channel", *arguments, "-o", f"127.0.0.1:{self.port(i, 'admin')}", "--ca-file", self.ca,
                        "--client-cert", tls / "client.crt", "--client-key", tls / "client.key", check=check)

    def join(self, i, block=None):
        answer = self.admin(i, "join", "--channelID", CHANNEL, "--config-block", block or self.genesis)
        assert "Status: 201" in answer.stdout, answer.stdout
        return answer

    def info(self, i):
        answer = self.admin(i, "list", "--channelID", CHANNEL, check=False).stdout
        return json.loads(answer[answer.index("{"):]) if "Status: 200" in answer else {}

    def height(self, i):
        return self.info(i).get("height", 0)

    def peer(self, *arguments, check=True):
        user = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com"
        return self.run("peer", *arguments, check=check, env=dict(
            CORE_PEER_LOCALMSPID="OrdererMSP", CORE_PEER_MSPCONFIGPATH=str(user / "msp"), CORE_PEER_TLS_ENABLED="true",
            CORE_PEER_TLS_ROOTCERT_FILE=str(self.ca), CORE_PEER_TLS_CLIENTAUTHREQUIRED="true",
            CORE_PEER_TLS_CLIENTCERT_FILE=str(user / "tls/client.crt"),
            CORE_PEER_TLS_CLIENTKEY_FILE=str(user / "tls/client.key")))

    def flags(self, i):
        tls = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        return ["-c", CHANNEL, "-o", self.address(i), "--tls", "--cafile", self.ca, "--clientauth", "--certfile",
                tls / "client.crt", "--keyfile", tls / "client.key"]

    def fetch_config(self, i=0):
        """The newest config block of node i as a file."""
        file = self.folder / f"config{self.updates}.block"
        self.wait(lambda: self.peer("channel", "fetch", "config", file, *self.flags(i), check=False).returncode == 0, 30,
                  f"the config block of orderer{i}")
        return file

    def update(self, change, through=0, check=True):
        """Changes the channel's configuration, a JSON tree, and sends the update to node `through`."""
        self.updates += 1
        n = self.updates
        block = self.fetch_config(through)
        path = lambda name: self.folder / f"{name}{n}"
        self.run("configtxlator", "proto_decode", "--input", block, "--type", "common.Block", "--output", path("block.json"))
        config = json.loads(path("block.json").read_text())["data"]["data"][0]["payload"]["data"]["config"]
        path("old.json").write_text(json.dumps(config))
        change(config["channel_group"])
        path("new.json").write_text(json.dumps(config))
        for which in ("old", "new"):
            self.run("configtxlator", "proto_encode", "--input", path(f"{which}.json"), "--type", "common.Config",
                     "--output", path(f"{which}.pb"))
        self.run("configtxlator", "compute_update", "--channel_id", CHANNEL, "--original", path("old.pb"), "--updated",
                 path("new.pb"), "--output", path("update.pb"))
        self.run("configtxlator", "proto_decode", "--input", path("update.pb"), "--type", "common.ConfigUpdate", "--output",
                 path("update.json"))
        path("envelope.json").write_text(json.dumps({"payload": {
            "header": {"channel_header": {"channel_id": CHANNEL, "type": 2}},
            "data": {"config_update": json.loads(path("update.json").read_text())}}}))
        self.run("configtxlator", "proto_encode", "--input", path("envelope.json"), "--type", "common.Envelope", "--output",
                 path("envelope.pb"))
        before = self.height(through)
        command = ["channel", "update", "-f", path("envelope.pb"), *self.flags(through)]
        answer = self.peer(*command, check=False)
        # For a moment after an election nobody leads, or the leader knows of nobody alive; a client tries again.
        deadline = time.monotonic() + 30
        while check and answer.returncode != 0 and time.monotonic() < deadline and re.search(
                "nodes are alive|SERVICE_UNAVAILABLE|no Raft leader", answer.stderr):
            time.sleep(0.3)
            answer = self.peer(*command, check=False)
        assert not check or answer.returncode == 0, answer.stderr
        if answer.returncode == 0:
            self.wait(lambda: self.height(through) > before, 60, f"the block of a config update at orderer{through}")
        return answer

    def consenter(self, i):
        encoded = lambda file: base64.b64encode(file.read_bytes()).decode()
        return {"host": "127.0.0.1", "port": self.consenter_port(i), "client_tls_cert": encoded(self.pair(i, "cluster client")[0]),
                "server_tls_cert": encoded(self._listener_pair(i)[0])}

    def _consenters(self, group):
        return group["groups"]["Orderer"]["values"]["ConsensusType"]["value"]["metadata"]["consenters"]

    def add_consenter(self, i, through=0, check=True):
        return self.update(lambda group: self._consenters(group).append(self.consenter(i)), through, check)

    def remove_consenter(self, i, through=0, check=True):
        def change(group):
            kept = [c for c in self._consenters(group) if c["port"] != self.consenter_port(i)]
            group["groups"]["Orderer"]["values"]["ConsensusType"]["value"]["metadata"]["consenters"] = kept
        return self.update(change, through, check)

    def replace_consenter(self, i, through=0, check=True):
        """Names the certificate that node i has now."""
        def change(group):
            ours = next(n for n, c in enumerate(self._consenters(group)) if c["port"] == self.consenter_port(i))
            self._consenters(group)[ours] = self.consenter(i)
        return self.update(change, through, check)

    def touch(self, through=0, check=True):
        """A config update that only makes a block."""
        n = self.updates + 1

        def change(group):
            group["groups"]["Orderer"]["values"]["BatchTimeout"]["value"]["timeout"] = f"{100 + n}ms"
        return self.update(change, through, check)

    def client(self, what, nodes, number, user="User1", certificate=True):
        """The command line of orderer_client (its head says what it does), at these nodes. Ids that it saw are in `seen`."""
        home = self.crypto / f"peerOrganizations/org1.example.com/users/{user}@org1.example.com"
        tls = (home / "tls/client.crt", home / "tls/client.key") if certificate else ("", "")
        return [str(x) for x in (self.bin / "orderer_client", what, home / "msp", "Org1MSP", *tls, self.ca, CHANNEL,
                                 ",".join(self.address(i) for i in nodes), number, self.folder / "seen")]

    def send(self, i, count=1, **options):
        """Sends messages to node i, one by one; what the client says: seconds, or why it was refused."""
        return subprocess.run(self.client("send", [i], count, **options), stdout=subprocess.PIPE, text=True,
                              timeout=300).stdout.strip()

    # -- waiting ------------------------------------------------------------------------------------------------------
    def wait(self, until, timeout=60, what="it"):
        deadline = time.monotonic() + timeout
        while not (answer := until()):
            assert time.monotonic() < deadline, f"{what} did not come within {timeout} s"
            time.sleep(0.05)  # between two looks; what counts is the deadline
        return answer

    def operations(self, i, path, method="GET"):
        tls = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        return ask_operations(self.port(i, "ops"), path, method, self.ca, tls / "client.crt", tls / "client.key")

    def metric(self, i, name):
        """A metric of node i, by the operations listener; 0 when it is not there."""
        scheme, context = "http", None
        if self.operations_tls:
            tls = self.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
            scheme, context = "https", ssl.create_default_context(cafile=self.ca)
            context.load_cert_chain(tls / "client.crt", tls / "client.key")
        try:
            url = f"{scheme}://127.0.0.1:{self.port(i, 'ops')}/metrics"
            text = urllib.request.urlopen(url, timeout=5, context=context).read().decode()
        except OSError:
            return 0
        for line in text.splitlines():
            if line.startswith(name + "{") or line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0

    def leader(self):
        """The node that says it leads the channel; None: none does, or two do."""
        leaders = [i for i in self.processes if isinstance(i, int) and self.processes[i].popen.poll() is None
                   and self.metric(i, f'consensus_etcdraft_is_leader{{channel="{CHANNEL}"}}') == 1]
        return leaders[0] if len(leaders) == 1 else None

    def wait_for_leader(self, timeout=60):
        leader = self.wait(lambda: (found := self.leader()) is not None and (found,), timeout, "a leader")[0]
        return leader

    def wait_for_height(self, height, nodes=None, timeout=60):
        for i in nodes if nodes is not None else range(len(self.kinds)):
            self.wait(lambda: self.height(i) >= height, timeout, f"height {height} of orderer{i}")

    def block(self, i, number):
        """Header and transactions of a block as node i has it; None while it has none."""
        file = self.folder / f"fetched{i}.block"
        answer = self.peer("channel", "fetch", str(number), file, *self.flags(i), check=False)
        if answer.returncode != 0:
            return None
        out = self.folder / f"fetched{i}.json"
        self.run("configtxlator", "proto_decode", "--input", file, "--type", "common.Block", "--output", out)
        block = json.loads(out.read_text())
        return block["header"], block["data"]
