#!/usr/bin/env python3
"""The operations endpoint of peer and orderer: /logspec, /healthz, /version and /metrics word by word, plain, over TLS and over
mutual TLS; and what both push to statsd under their prefixes.

With FABRIC_GO_BIN the same questions go to upstream's programs: they must give the answers that are written here, and what
they push must be pushed by ours.
"""
import http.client
import json
import os
import pathlib
import re
import ssl
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from metrics import Statsd, check_statsd, golden  # noqa: E402
from network import Network, ours  # noqa: E402

JSON = "application/json"


def error(text, key="error", end="\n"):
    return 400, JSON, json.dumps({key: text}, separators=(",", ":")) + end


def spec(text):
    return 200, JSON, json.dumps({"spec": text}, separators=(",", ":")) + "\n"


BAD_SPEC = "invalid logging specification '{0}': {1}"
LOGSPEC = [  # body of a PUT (None: what GET says then) -> the answer
    ({"spec": "gossip=debug:warn"}, (204, None, "")),
    (None, spec("gossip=debug:warn")),
    ({"spec": "gossip,endorser=error:policies=info:fatal"}, (204, None, "")),
    (None, spec("endorser=error:gossip=error:policies=info:fatal")),
    ({"spec": "nonsense"}, error(BAD_SPEC.format("nonsense", "bad segment 'nonsense'"))),
    ({"spec": "a=b=c"}, error(BAD_SPEC.format("a=b=c", "bad segment 'a=b=c'"))),
    ({"spec": "=debug"}, error(BAD_SPEC.format("=debug", "no logger specified in segment '=debug'"))),
    ({"spec": "gossip=loud"}, error(BAD_SPEC.format("gossip=loud", "bad segment 'gossip=loud'"))),
    ({"spec": "go$sip=debug"}, error(BAD_SPEC.format("go$sip=debug", "bad logger name 'go$sip'"))),
    (None, spec("endorser=error:gossip=error:policies=info:fatal")),  # nothing of what was refused has stayed
    ("", error("EOF")),
    ("{", error("unexpected EOF")),
    ("loud", error("invalid character 'l' looking for beginning of value")),
    ({"spec": 7}, error("json: cannot unmarshal number into Go struct field LogSpec.spec of type string")),
    ([], error("json: cannot unmarshal array into Go value of type httpadmin.LogSpec")),
    ({"other": "debug"}, (204, None, "")),  # no spec is the default
    (None, spec("info")),
    ({"spec": "info"}, (204, None, "")),
]
OTHER = [
    ("DELETE", "/logspec", error("invalid request method: DELETE")),
    ("POST", "/version", error("invalid request method: POST", "Error", "")),
    ("POST", "/healthz", (405, None, "")),
    ("GET", "/healthz", (200, JSON, '{"status":"OK","time":"TIME"}')),
    ("GET", "/nothing", (404, "text/plain; charset=utf-8", "404 page not found\n")),
]
SECURED = ("/logspec", "/metrics")  # under TLS: with a certificate only


class Endpoint:
    """One operations endpoint; `context` None: plain."""

    def __init__(self, port, context=None):
        self.port, self.context = port, context

    def ask(self, method, path, body=None):
        """(status, content type, body), or ("refused", and why) when there is no connection to be had."""
        connection = (http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.context) if self.context
                      else http.client.HTTPConnection("127.0.0.1", self.port, timeout=30))
        try:
            connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body))
            answer = connection.getresponse()
            text = re.sub(r'"time":"[^"]+"', '"time":"TIME"', answer.read().decode())
            return answer.status, answer.getheader("Content-Type"), text
        except (ssl.SSLError, ConnectionError) as why:
            return "refused", type(why).__name__, str(why)
        finally:
            connection.close()


def check(wrong, where, got, wanted):
    if got != wanted:
        wrong.append(f"{where}: {got} instead of {wanted}")


def words(who, endpoint, wrong):
    for body, wanted in LOGSPEC:
        got = endpoint.ask("GET", "/logspec") if body is None else endpoint.ask("PUT", "/logspec", body)
        check(wrong, f"{who} /logspec {body!r}", got, wanted)
    for method, path, wanted in OTHER:
        check(wrong, f"{who} {method} {path}", endpoint.ask(method, path), wanted)
    status, kind, body = endpoint.ask("GET", "/version")
    check(wrong, f"{who} /version", (status, kind), (200, JSON))
    check(wrong, f"{who} /version", re.sub(r'":"[^"]*"', '":"..."', body), '{"CommitSHA":"...","Version":"..."}')
    status, kind, body = endpoint.ask("GET", "/metrics")
    check(wrong, f"{who} /metrics", (status, kind.split(";")[0]), (200, "text/plain"))
    if "# TYPE fabric_version gauge" not in body:
        wrong.append(f"{who} /metrics: no fabric_version in {body[:300]}")


def client_of(net, who, certificate):
    """TLS as an administrator of the node's organisation, with or without the client certificate."""
    context = ssl.create_default_context(cafile=net.orderer_ca if who == "orderer" else net.peer_tls("org1") / "ca.crt")
    folder = (net.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls" if who == "orderer"
              else net.org("org1") / "users/Admin@org1.example.com/tls")
    if certificate:
        context.load_cert_chain(folder / "client.crt", folder / "client.key")
    return context


def settings(net, tls, required, statsd):
    """Environment of both daemons."""
    orderer, peer = net.orderer_home / "tls", net.peer_tls("org1")
    flag = {True: "true", False: "false"}
    more = {"ORDERER_OPERATIONS_TLS_ENABLED": flag[tls], "ORDERER_OPERATIONS_TLS_CERTIFICATE": orderer / "server.crt",
            "ORDERER_OPERATIONS_TLS_PRIVATEKEY": orderer / "server.key",
            "ORDERER_OPERATIONS_TLS_CLIENTAUTHREQUIRED": flag[required],
            "ORDERER_OPERATIONS_TLS_CLIENTROOTCAS": f"[{orderer / 'ca.crt'}]",
            "CORE_OPERATIONS_TLS_ENABLED": flag[tls], "CORE_OPERATIONS_TLS_CERT_FILE": peer / "server.crt",
            "CORE_OPERATIONS_TLS_KEY_FILE": peer / "server.key",
            "CORE_OPERATIONS_TLS_CLIENTAUTHREQUIRED": flag[required],
            "CORE_OPERATIONS_TLS_CLIENTROOTCAS_FILES": peer / "ca.crt",
            "ORDERER_METRICS_PROVIDER": "prometheus", "CORE_METRICS_PROVIDER": "prometheus"}
    if statsd:
        for prefix, name in (("ORDERER", "ordererorg_orderer"), ("CORE", "org1_peer0")):
            more.update({f"{prefix}_METRICS_PROVIDER": "statsd", f"{prefix}_METRICS_STATSD_NETWORK": "udp",
                         f"{prefix}_METRICS_STATSD_ADDRESS": f"127.0.0.1:{statsd.port}",
                         f"{prefix}_METRICS_STATSD_WRITEINTERVAL": "200ms", f"{prefix}_METRICS_STATSD_PREFIX": name})
    return more


class Daemons:
    """An orderer and a peer of one make, started anew for each way of asking."""

    def __init__(self, folder, make):
        programs = {p: make / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}
        self.net = Network(folder, **programs)
        self.plain = self.net.environment
        self.net.make_material()

    def start(self, tls=False, required=False, statsd=None):
        more = settings(self.net, tls, required, statsd)
        self.net.environment = lambda **rest: self.plain(**{**more, **rest})
        self.net.start_orderer()
        self.net.start_peer("org1")

    def stop(self):
        for name in ("orderer", "org1"):
            process = self.net.processes.pop(name)
            process.stop()
            process.log.unlink()  # the next start is waited for in its own lines

    def endpoints(self, certificate=None):
        """Per daemon; `certificate` None: plain."""
        return {who: Endpoint(self.net.ports[port], None if certificate is None else client_of(self.net, who, certificate))
                for who, port in (("orderer", "orderer_ops"), ("peer", "org1_ops"))}


def over_http_and_tls(daemons):
    wrong = []
    daemons.start()
    for who, endpoint in daemons.endpoints().items():
        words(who, endpoint, wrong)
    daemons.stop()
    for required in (False, True):
        daemons.start(tls=True, required=required)
        for who, endpoint in daemons.endpoints(certificate=True).items():
            words(f"{who}, TLS, certificate", endpoint, wrong)
        for who, endpoint in daemons.endpoints(certificate=False).items():
            for path in ("/logspec", "/metrics", "/healthz", "/version"):
                got = endpoint.ask("GET", path)[0]
                wanted = "refused" if required else 401 if path in SECURED else 200
                check(wrong, f"{who}, TLS, certificate {'demanded' if required else 'not sent'}, {path}", got, wanted)
        daemons.stop()
    return wrong


# What must come, in Fabric's own words (its integration tests wait for these).
PUSHED = ["ordererorg_orderer.consensus.etcdraft.committed_block_number.mychannel",
          "ordererorg_orderer.participation.consensus_relation.mychannel", "ordererorg_orderer.logging.entries_checked.info",
          "ordererorg_orderer.logging.entries_written.info", "ordererorg_orderer.go.mem.gc_completed_count",
          "ordererorg_orderer.grpc.server.stream_requests_received.orderer_AtomicBroadcast.Deliver",
          "ordererorg_orderer.grpc.server.stream_requests_completed.orderer_AtomicBroadcast.Deliver.CODE",
          "ordererorg_orderer.grpc.server.stream_request_duration.orderer_AtomicBroadcast.Deliver.CODE",
          "ordererorg_orderer.grpc.server.stream_messages_received.orderer_AtomicBroadcast.Deliver",
          "ordererorg_orderer.grpc.server.stream_messages_sent.orderer_AtomicBroadcast.Deliver",
          "ordererorg_orderer.ledger.blockchain_height.mychannel", "ordererorg_orderer.ledger.blockstorage_commit_time.mychannel",
          "org1_peer0.ledger.blockchain_height.mychannel", "org1_peer0.logging.entries_checked.info",
          "org1_peer0.go.mem.gc_completed_count", "org1_peer0.endorser.proposals_received"]


def without_code(names):
    """Whether a stream that its client leaves has ended well is a matter of who was faster."""
    return {(re.sub(r"(stream_request\w+\.orderer_AtomicBroadcast\.\w+)\.(OK|Canceled)$", r"\1.CODE", name), kind)
            for name, kind in set(names)}


def pushed(daemons):
    """What the two push to statsd while a channel is joined and a block is fetched."""
    statsd = Statsd()
    daemons.start(statsd=statsd)
    net = daemons.net
    net.admin("join", "--channelID", "mychannel", "--config-block", net.block)
    net.processes["orderer"].wait_for("Start accepting requests as Raft leader")
    net.cli("org1", "channel", "join", "-b", net.block)
    net.cli("org1", "channel", "fetch", "0", net.folder / "fetched", "-c", "mychannel", *net.orderer_flags("org1"))
    deadline = time.monotonic() + 30
    while not set(PUSHED) <= {name for name, _ in without_code(statsd.names)} and time.monotonic() < deadline:
        time.sleep(0.05)  # between two looks at what has come; what counts is the deadline
    daemons.stop()
    return without_code(statsd.names)


def main():
    wrong, seen = [], {}
    makes = {"ours": ours()}
    go = pathlib.Path(os.environ.get("FABRIC_GO_BIN", "/nowhere"))
    if (go / "peer").exists():
        makes["upstream"] = go
    with tempfile.TemporaryDirectory() as folder:
        for make, programs in makes.items():
            daemons = Daemons(pathlib.Path(folder) / make, programs)
            with daemons.net:
                wrong += [f"{make}: {line}" for line in over_http_and_tls(daemons)]
                seen[make] = pushed(daemons)
            if make == "ours":  # nothing that Fabric's list does not have
                wrong += check_statsd({(name.split(".", 1)[1], kind) for name, kind in seen[make]}, golden())
            wrong += [f"{make}: statsd: no {name}" for name in PUSHED if name not in {n for n, _ in seen[make]}]
    if "upstream" in seen:
        # What comes by chance; and what upstream counts of a channel's first block, which here is no block that was committed.
        quiet = re.compile(r"\.go\.|\.grpc\.comm\.|fabric_version|\.logging\.entries_\w+\.(warn|error)|"
                           r"peer0\.ledger\.(block_processing|blockstorage_and_pvtdata|statedb|transaction_count)")
        wrong += [f"statsd: upstream pushes {name}|{kind}, ours does not" for name, kind in sorted(seen["upstream"] - seen["ours"])
                  if not quiet.search(name)]
    for line in wrong:
        print("FAIL", line)
    if not wrong:
        print(f"operations of {' and '.join(makes)}: {len(LOGSPEC) + len(OTHER)} answers, three ways, equal; "
              f"{len(seen['ours'])} names pushed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
