#!/usr/bin/env python3
"""Metrics of running nodes, held to Fabric's own list (test/golden/metrics.txt): names, types and labels in Prometheus, names
in statsd. Says which metrics of the list were not seen; those that must be there after a few transactions are an error.

metrics.py --list: only prints what was seen and what was not.
"""
import pathlib
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, Network, ours, skip  # noqa: E402
from peer_beside_upstream import deploy, invoke  # noqa: E402


OURS = {"gossip_comm_messages_dropped"}  # beside Fabric's, and those of the runtime


def golden():
    """name -> (who, type, labels, statsd name, mark)"""
    found = {}
    for line in (ROOT / "test/golden/metrics.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        mark = line[0] if line[0] in "?-" else ""
        who, name, kind, labels, statsd = line.removeprefix(mark).split()
        found[name] = (who, kind, set() if labels == "-" else set(labels.split(",")), statsd, mark)
    return found


def scrape(port):
    """name -> (type, labels), with histograms under their own name."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20).read().decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    seen = {}
    for name, labels in re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", text, re.M):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in kinds and kinds.get(base) in ("histogram", "summary"):
            name = base
        keys = set(re.findall(r'(\w+)="', labels)) - {"le", "quantile"}
        seen[name] = (kinds.get(name), keys)
    return seen


def check_names(who, seen, expected):
    wrong = []
    for name, (kind, labels) in seen.items():
        if name.startswith(("go_", "process_", "promhttp_", "tls_")) or name in OURS:
            continue  # of the runtime, and our own
        if name not in expected:
            wrong.append(f"{who}: {name} is not one of Fabric's")
            continue
        owner, right_kind, right_labels, _, _ = expected[name]
        if owner not in (who, "both"):
            wrong.append(f"{who}: {name} belongs to the {owner}")
        if (kind, labels) != (right_kind, right_labels):
            wrong.append(f"{who}: {name} is a {kind} by {sorted(labels)}, not a {right_kind} by {sorted(right_labels)}")
    return wrong


class Statsd:
    """What is sent to a UDP port, as a set of names."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.names = set()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            for line in self.socket.recv(65536).decode().splitlines():
                self.names.add((line.split(":")[0], line.rsplit("|", 1)[-1]))


def check_statsd(names, expected):
    """Each name that was sent must fit one format of the list, and its type."""
    letters = {"counter": "c", "gauge": "g", "histogram": "ms"}
    formats = [(re.compile(re.sub(r"%\\\{[^}]*\\\}", "[^.]*", re.escape(statsd)) + "$"), letters[kind])
               for _, kind, _, statsd, _ in expected.values()]
    wrong = []
    for name, letter in names:
        name = name.removeprefix("fabric.")
        if name.startswith(("go.", "tls.")) or any(name.startswith(one.replace("_", ".", 2)) for one in OURS):
            continue
        if not any(pattern.match(name) and letter == right for pattern, right in formats):
            wrong.append(f"statsd: {name}|{letter} is not one of Fabric's")
    return wrong


def main():
    our = ours()
    if not (our / "basic_chaincode").exists():
        skip("basic_chaincode is not built")
    expected = golden()
    statsd = Statsd()
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, **{p: our / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}) as net:
        plain = net.environment
        net.environment = lambda **more: plain(**{**more, "ORDERER_METRICS_PROVIDER": "prometheus"})
        net.make_material()
        net.start_orderer()
        net.start_peer("org1", CORE_METRICS_PROVIDER="prometheus")
        net.start_peer("org2", CORE_METRICS_PROVIDER="statsd", CORE_METRICS_STATSD_ADDRESS=f"127.0.0.1:{statsd.port}",
                       CORE_METRICS_STATSD_WRITEINTERVAL="200ms", CORE_METRICS_STATSD_PREFIX="fabric")
        net.join()
        deploy(net, pathlib.Path(folder), our / "basic_chaincode")
        for i in range(3):
            invoke(net, ("org1", "org2"), "create", f"asset{i}", "ann", "1", wait=i == 2)
        invoke(net, ("org1", "org2"), "create", "asset0", "ann", "1", check=False)  # refused by the chaincode
        net.cli("org1", "channel", "fetch", "newest", folder + "/newest", "-c", "mychannel", *net.orderer_flags("org1"))
        seen = {"orderer": scrape(net.ports["orderer_ops"]), "peer": scrape(net.ports["org1_ops"])}
        deadline = time.monotonic() + 30
        while not any("endorser.successful_proposals" in n for n, _ in statsd.names) and time.monotonic() < deadline:
            time.sleep(0.1)

    wrong = [line for who in seen for line in check_names(who, seen[who], expected)]
    wrong += check_statsd(statsd.names, expected)
    for name, (who, _, _, _, mark) in sorted(expected.items()):
        missing = [w for w in ("orderer", "peer") if who in (w, "both") and name not in seen[w]]
        print(f"{'seen' if not missing else {'': 'MISSING', '?': 'not now', '-': 'not here'}[mark]:8} {name}")
        if missing and not mark:
            wrong.append(f"{name} was not seen on the {' and the '.join(missing)}")
    for line in wrong:
        print("FAIL", line)
    return 1 if wrong and "--list" not in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
