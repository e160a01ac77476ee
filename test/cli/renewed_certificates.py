#!/usr/bin/env python3
"""Gossip goes on when certificates are renewed: a peer that restarts with a new enrolment certificate takes the place of its
old self with every neighbour, and a TLS pair that is replaced while its peer runs is the one that new handshakes are bound to.
All peers are ours; then, where FABRIC_GO_BIN is given, half of them are upstream's.
"""
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from peer_network import PeerNetwork  # noqa: E402
from network import ours  # noqa: E402

THEIRS = {"org1.peer0", "org2.peer1"}


def settings(name):
    if name.endswith("peer1"):
        return dict(CORE_PEER_GOSSIP_ORGLEADER="false", CORE_PEER_GOSSIP_STATE_ENABLED="true",
                    CORE_PEER_GOSSIP_STATE_CHECKINTERVAL="1s")
    return {}


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True).stdout


@functools.lru_cache(maxsize=None)
def key_in(certificate):
    """The public key: peers tell a certificate with its signature's S made low."""
    return subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=certificate, check=True, capture_output=True, text=True).stdout


class Renewal:
    """Certificates for new keys, for the names of the old ones, by the CAs of cryptogen."""

    def __init__(self, net):
        self.net, self.count = net, 0

    def issue(self, old, ca, extensions):
        """A key and a certificate in place of the certificate `old`."""
        self.count += 1
        work = self.net.folder / f"renewal{self.count}"
        work.mkdir()
        subject = openssl("x509", "-in", old, "-noout", "-subject", "-nameopt", "RFC2253").strip().removeprefix("subject=")
        names = openssl("x509", "-in", old, "-noout", "-ext", "subjectAltName").split("\n")[1].strip() if "TLS" in extensions else ""
        (work / "extensions").write_text(
            "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\n" +
            (f"extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName={names.replace('IP Address', 'IP')}\n" if names else ""))
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", work / "key")
        openssl("req", "-new", "-key", work / "key", "-subj", "/" + "/".join(reversed(subject.split(","))), "-out", work / "request")
        openssl("x509", "-req", "-in", work / "request", "-CA", next(ca.glob("*.pem")), "-CAkey", next(ca.glob("*_sk")),
                "-CAcreateserial", "-days", 30, "-extfile", work / "extensions", "-out", work / "certificate")
        return work

    def enrolment(self, name):
        msp = self.net.peer_tls(name).parent / "msp"
        certificate, key = next((msp / "signcerts").iterdir()), next((msp / "keystore").iterdir())
        fresh = self.issue(certificate, self.net.org(name) / "ca", "")
        certificate.write_bytes((fresh / "certificate").read_bytes())
        key.write_bytes((fresh / "key").read_bytes())
        return key_in(certificate.read_text())

    def tls(self, name):
        home = self.net.peer_tls(name)
        fresh = self.issue(home / "server.crt", self.net.org(name) / "tlsca", "TLS")
        for of, to in (("key", "server.key"), ("certificate", "server.crt")):
            (home / (to + ".new")).write_bytes((fresh / of).read_bytes())
            (home / (to + ".new")).rename(home / to)
        return openssl("x509", "-in", home / "server.crt", "-noout", "-serial").strip().split("=")[1].lower().lstrip("0")


def keys_seen(net, at):
    """The key of each peer of the channel, as the peer `at` knows them."""
    home = net.org(at) / "users" / f"User1@{at.split('.')[0]}.example.com"
    answer = subprocess.run(
        [ours() / "discover", "--peerTLSCA", net.peer_tls(at) / "ca.crt", "--tlsCert", home / "tls/client.crt", "--tlsKey",
         home / "tls/client.key", "--MSP", f"{at.split('.')[0].capitalize()}MSP", "--userCert", next((home / "msp/signcerts").iterdir()),
         "--userKey", next((home / "msp/keystore").iterdir()), "peers", "--channel", "mychannel", "--server",
         f"127.0.0.1:{net.ports[at]}"], capture_output=True, text=True, timeout=60)
    return {peer["Endpoint"]: key_in(peer["Identity"]) for peer in json.loads(answer.stdout)} if answer.returncode == 0 else {}


def restart(net, name):
    net.processes[name].stop()
    net.start_peer(name)
    net.wait_until(f"{name} starts", lambda: net.metric(name, "gossip_membership_total_peers_known") is not None)


def all_know(net, keys):
    """Every peer sees exactly these: nobody else is in its view, no old self of anybody."""
    for name in net.names:
        net.wait_until(f"{name} knows the peers by their newest certificates", lambda: keys_seen(net, name) == keys, 60)


def run(peer_of, mine):
    with tempfile.TemporaryDirectory() as folder, PeerNetwork(folder, orgs=2, peers=2, settings=settings, max_message_count=1,
                                                              peer_of=peer_of) as net:
        net.start()
        net.wait_for_views(3, timeout=60)
        renewal = Renewal(net)
        keys = {f"127.0.0.1:{net.ports[name]}": key_in(next((net.peer_tls(name).parent / "msp/signcerts").iterdir()).read_text())
                for name in net.names}
        all_know(net, keys)
        blocks = 0

        def blocks_reach_all():
            nonlocal blocks
            net.make_blocks(3)
            blocks += 3
            for name in net.names:
                net.wait_until(f"{name} has {blocks} blocks", lambda: net.metric(name, "gossip_state_height") == blocks + 1, 60)

        blocks_reach_all()
        for name in net.names:
            keys[f"127.0.0.1:{net.ports[name]}"] = renewal.enrolment(name)
            restart(net, name)
            started = time.monotonic()
            all_know(net, keys)
            print(f"ok   {name} restarts with a renewed certificate, known to all after {time.monotonic() - started:.1f} s")
            blocks_reach_all()
        assert any("changed its PKI-ID" in net.processes[name].text() for name in net.names)

        for name in mine:
            serial = renewal.tls(name)
            net.processes[name].wait_for(f"in force for new connections: .*serial {serial}", 60)
        for name in set(net.names) - set(mine):  # so that connections are made anew, both ways
            restart(net, name)
        all_know(net, keys)
        blocks_reach_all()
        print(f"ok   TLS pairs of {', '.join(mine)} are replaced while they run, and new connections are bound to them")
        for name in net.names:
            said = net.processes[name].text()
            assert "panic" not in said and "in remote hash of TLS cert" not in said, said[-3000:]


def main():
    run(lambda name: None, ["org1.peer1", "org2.peer0"])
    go = os.environ.get("FABRIC_GO_BIN", "")
    if not (pathlib.Path(go) / "peer").exists():
        print("SKIPPED: beside upstream's peers: FABRIC_GO_BIN names no folder with Fabric's programs")
        return
    run(lambda name: pathlib.Path(go) / "peer" if name in THEIRS else None, ["org1.peer1", "org2.peer0"])
    print("ok   the same beside upstream's peers")


if __name__ == "__main__":
    main()
