#!/usr/bin/env python3
"""Every TLS pair of every node of a small network is replaced, one after another, under a continuous load, and no transaction
fails. What would break something is refused with the reason, and what is in force stays.

The load is of two kinds: bench_network on connections that stay open, and our command line, which shakes hands anew with the
orderer and both peers for each transaction. It lasts until after the last replacement and aims at SELVAGE_ROTATION_RATE
transactions a second (100, which a busy machine of two cores may miss with a debug build; the count is printed).
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from network import Network, ours, skip  # noqa: E402
from peer_beside_upstream import deploy, invoke, wait_for_equal_height  # noqa: E402


RATE = os.environ.get("SELVAGE_ROTATION_RATE", "100")


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Renewal:
    """New pairs from the organisations' TLS CAs, written as renewals are: each file whole, by rename."""

    def __init__(self, net, folder):
        self.net, self.folder, self.number = net, folder, 0

    def pair(self, home, tlsca, new_key, days=300, names=("localhost", "127.0.0.1"), usage="serverAuth,clientAuth"):
        """A certificate and key for the subject of home/server.crt."""
        self.number += 1
        work = self.folder / f"renewal{self.number}"
        work.mkdir()
        key = work / "server.key"
        if new_key:
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        else:
            key.write_bytes((home / "server.key").read_bytes())
        subject = subprocess.run(["openssl", "x509", "-in", home / "server.crt", "-noout", "-subject", "-nameopt", "RFC2253"], check=True,
                                 capture_output=True, text=True).stdout.strip().removeprefix("subject=")
        name = re.search(r"CN=([^,]+)", subject).group(1)
        san = ",".join(("IP:" if part[0].isdigit() else "DNS:") + part for part in (name, *names))
        (work / "ext").write_text("keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=" + usage + "\n"
                                  f"basicConstraints=critical,CA:FALSE\nsubjectAltName={san}\n")
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", work / "csr")
        ca_key = next(tlsca.glob("*_sk"))
        openssl("x509", "-req", "-in", work / "csr", "-CA", next(tlsca.glob("*.pem")), "-CAkey", ca_key, "-CAcreateserial", "-days", days,
                "-extfile", work / "ext", "-out", work / "server.crt")
        return work

    @staticmethod
    def put(home, source):
        # The key first, then the certificate: for a moment they do not match, which must do no harm.
        for name in ("server.key", "server.crt"):
            fresh = home / (name + ".new")
            fresh.write_bytes((source / name).read_bytes())
            fresh.rename(home / name)


def serial_of(file):
    text = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-serial"], check=True, capture_output=True, text=True).stdout
    return text.strip().split("=")[1].lower().lstrip("0")


def taken(process, serial):
    process.wait_for(f"in force for new connections: .*serial {serial}", 60)


class Load:
    """Transactions without a break, on open connections and on new ones. `more`: words for bench_network."""

    def __init__(self, net, *more):
        self.failed, self.passed, self.done = [], [], threading.Event()
        self.net = net
        user = net.org("org1") / "users/User1@org1.example.com"
        self.steady = subprocess.Popen(
            [ours() / "bench_network", "submit", "--users", "32", "--seconds", "0", "--rate", RATE, "--chaincode", "basic", "--channel", "mychannel",
             "--orderer", f"127.0.0.1:{net.ports['orderer']}={net.orderer_ca}", "--mspid", "Org1MSP",
             "--peer", f"127.0.0.1:{net.ports['org1']}={net.peer_tls('org1') / 'ca.crt'}",
             "--peer", f"127.0.0.1:{net.ports['org2']}={net.peer_tls('org2') / 'ca.crt'}", "--msp", user / "msp",
             "--tls-cert", user / "tls/client.crt", "--tls-key", user / "tls/client.key", *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.workers = [threading.Thread(target=self._work, args=(i,)) for i in range(2)]
        for worker in self.workers:
            worker.start()

    def _work(self, worker):
        number = 0
        while not self.done.is_set():
            number += 1
            answer = invoke(self.net, ("org1", "org2"), "put", f"k{worker}-{number}", "v", wait=True, check=False)
            (self.passed if answer.returncode == 0 else self.failed).append(answer.stdout + answer.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.done.set()
        for worker in self.workers:
            worker.join()
        if self.steady.poll() is None:
            self.steady.kill()
            self.steady.communicate()

    def flowing(self, count=3):
        """So many transactions more have come through on new connections."""
        wanted = len(self.passed) + count
        for _ in range(3000):
            if self.failed or len(self.passed) >= wanted:
                break
            self.done.wait(0.02)
        assert not self.failed, self.failed[0]
        assert len(self.passed) >= wanted, "no transaction comes through"

    def end(self):
        """Nothing failed; what is to be told of it."""
        self.done.set()
        for worker in self.workers:
            worker.join()
        said = self.steady.communicate(timeout=120)[0]
        counted = re.search(r"rate=(\d+)/s .*operations=(\d+) failures=(\d+)", said)
        assert self.steady.returncode == 0 and counted and int(counted[2]) > 0 and counted[3] == "0", said
        assert not self.failed, self.failed[0]
        return (f"{len(self.passed)} transactions on new connections and {counted[2]} on open ones ({counted[1]} a second of the {RATE} aimed "
                "at), none failed")


def rotate(net, load, renewal):
    load.flowing()
    tlsca = {"orderer": net.crypto / "ordererOrganizations/example.com/tlsca"}
    for org in ("org1", "org2"):
        tlsca[org] = net.org(org) / "tlsca"

    # 1. Noticed by itself; the operations listener shares the files, and takes them too.
    fresh = renewal.pair(net.peer_tls("org1"), tlsca["org1"], new_key=True)
    renewal.put(net.peer_tls("org1"), fresh)
    taken(net.processes["org1"], serial_of(fresh / "server.crt"))
    load.flowing()
    shown = net.operations("org1", "/tls/certificates")["certificates"]
    assert {entry["chain"][0]["serial"] for entry in shown if entry["role"] in ("server TLS", "operations TLS")} == \
        {serial_of(fresh / "server.crt")}, shown
    print("ok   org1's peer: new key, noticed by itself")

    # 2. On PUT /tls/reload.
    fresh = renewal.pair(net.peer_tls("org2"), tlsca["org2"], new_key=True)
    renewal.put(net.peer_tls("org2"), fresh)
    answer = net.operations("org2", "/tls/reload", "PUT")
    assert not answer["refused"], answer
    taken(net.processes["org2"], serial_of(fresh / "server.crt"))
    load.flowing()
    print("ok   org2's peer: new key, on PUT /tls/reload")

    # 3. The orderer, whose key the channel names: the same key, on SIGHUP.
    home = net.orderer_home / "tls"
    fresh = renewal.pair(home, tlsca["orderer"], new_key=False)
    renewal.put(home, fresh)
    net.processes["orderer"].popen.send_signal(signal.SIGHUP)
    taken(net.processes["orderer"], serial_of(fresh / "server.crt"))
    load.flowing()
    print("ok   orderer: the same key, on SIGHUP")

    # 4. What would break something stays out.
    renewal.put(home, renewal.pair(home, tlsca["orderer"], new_key=True))
    net.processes["orderer"].wait_for("not taken.*its public key is a new one, and channel mychannel names this consenter", 60)
    renewal.put(home, fresh)
    good = {name: (net.peer_tls("org2") / name).read_bytes() for name in ("server.crt", "server.key")}
    renewal.put(net.peer_tls("org2"), renewal.pair(net.peer_tls("org2"), tlsca["org2"], new_key=True, names=("localhost",)))
    answer = net.operations("org2", "/tls/reload", "PUT")
    assert answer["refused"] and "others dial this node as 127.0.0.1" in json.dumps(answer), answer
    for name, content in good.items():
        (net.peer_tls("org2") / name).write_bytes(content)
    load.flowing()
    print("ok   a new key of a consenter, and a certificate without the name it is dialled by, are refused with the reason")

    # 5. A root file: another CA beside the old one, for new handshakes.
    roots = net.peer_tls("org1") / "ca.crt"
    more = roots.with_suffix(".new")
    more.write_bytes(roots.read_bytes() + next(tlsca["orderer"].glob("*.pem")).read_bytes())
    more.rename(roots)  # at once: the clients of the load read it, too
    net.processes["org1"].wait_for("New roots .*ca.crt in force for new connections: 2 certificates", 60)
    pools = net.operations("org1", "/tls/trust")["pools"]
    files = [root["from"] for pool in pools if pool["name"] == "PeerServer" for root in pool["roots"] if root["from"]["kind"] == "file"]
    assert any(one["setting"] == "CORE_PEER_TLS_CLIENTROOTCAS_FILES" and one["index"] == 1 for one in files), files
    channel = {(root["from"]["channel"], root["from"]["msp"]) for pool in pools if pool["name"] == "PeerServer"
               for root in pool["roots"] if root["from"]["kind"] == "channel"}
    assert channel == {("mychannel", "Org1MSP"), ("mychannel", "Org2MSP")}, channel
    load.flowing()
    print("ok   a new root is believed, and shown with file, setting and place; orderer organisations are no clients of a peer")

    listed = net.operations("org1", "/tls/connections")["connections"]
    assert any(one["certificate"] and one["version"] == "TLS 1.3" and one["binding"] == "certificate hash" for one in listed), listed
    print("ok   connections are listed with version, suite, group and binding")


def main():
    our = ours()
    for program in ("basic_chaincode", "bench_network"):
        if not (our / program).exists():
            skip(f"{program} is not built")
    programs = {name: our / name for name in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}
    with tempfile.TemporaryDirectory() as folder, Network(folder, **programs) as net:
        folder = pathlib.Path(folder)
        net.make_material()
        net.start_orderer()
        for org in ("org1", "org2"):
            net.start_peer(org, **net.operations_tls(org))
        net.join()
        deploy(net, folder, our / "basic_chaincode")
        renewal = Renewal(net, folder)
        with Load(net) as load:
            rotate(net, load, renewal)
            told = load.end()
        print(f"ok   {told}, {wait_for_equal_height(net)} blocks")


if __name__ == "__main__":
    main()
