#!/usr/bin/env python3
"""Four upstream orderers that agree by BFT, our peer with its gateway: a transaction is handed to all of them, and is good when
a quorum has it; the peer checks a quorum of signatures on every block. With one orderer down all goes on; with two down the
gateway says that there is no quorum, in Fabric's words. An orderer that stays silent while the others go on is given up.

Needs FABRIC_GO_BIN: our orderers do not agree by BFT. With SELVAGE_PEER=theirs the peer is upstream's, to see that the test is right.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Process, free_ports, ours, skip  # noqa: E402
from orderers_and_a_peer import Peer  # noqa: E402
from orderers_kit import CHANNEL, Orderers, upstream_folder  # noqa: E402

NO_QUORUM = "insufficient number of orderers could successfully process transaction to satisfy quorum requirement"


class Application:
    """Chaincode cc on the peer, and a client of the peer's gateway."""

    def __init__(self, net, peer):
        self.net, self.peer = net, peer
        self.user = peer.home / "users/User1@org1.example.com"
        self.setup = net.folder / "setup.json"
        self.setup.write_text(json.dumps({
            "Address": f"127.0.0.1:{peer.port}", "TLSRoot": str(peer.tls / "ca.crt"),
            "TLSCertificate": str(self.user / "tls/client.crt"), "TLSKey": str(self.user / "tls/client.key"),
            "MSPID": "Org1MSP", "Certificate": str(next((self.user / "msp/signcerts").iterdir())),
            "Key": str(next((self.user / "msp/keystore").iterdir())), "Channel": CHANNEL, "Chaincode": "cc"}))

    def deploy(self):
        folder, net, peer = self.net.folder, self.net, self.peer
        address = f"127.0.0.1:{free_ports(1)[0]}"
        (folder / "connection.json").write_text(json.dumps({"address": address, "dial_timeout": "10s", "tls_required": False}))
        (folder / "metadata.json").write_text(json.dumps({"type": "ccaas", "label": "cc"}))
        with tarfile.open(folder / "code.tar.gz", "w:gz") as code:
            code.add(folder / "connection.json", "connection.json")
        with tarfile.open(folder / "cc.tar.gz", "w:gz") as package:
            package.add(folder / "metadata.json", "metadata.json")
            package.add(folder / "code.tar.gz", "code.tar.gz")
        package_id = peer.cli("lifecycle", "chaincode", "calculatepackageid", folder / "cc.tar.gz").stdout.strip()
        net.processes["chaincode"] = Process("chaincode", [str(ours() / "interop_cpp_chaincode")], {
            **os.environ, "CHAINCODE_ID": package_id, "CORE_CHAINCODE_ID_NAME": package_id,
            "CHAINCODE_SERVER_ADDRESS": address, "CHAINCODE_TLS_DISABLED": "true"}, folder)
        definition = ["-C", CHANNEL, "-n", "cc", "--version", "1", "--sequence", "1"]
        peer.cli("lifecycle", "chaincode", "install", folder / "cc.tar.gz")
        peer.cli("lifecycle", "chaincode", "approveformyorg", *self.orderer_flags(), *definition, "--package-id", package_id)
        peer.cli("lifecycle", "chaincode", "commit", *self.orderer_flags(), *definition, "--peerAddresses",
                 f"127.0.0.1:{peer.port}", "--tlsRootCertFiles", peer.tls / "ca.crt")

    def orderer_flags(self):
        tls = self.peer.home / "users/Admin@org1.example.com/tls"
        return ["-o", self.net.address(0), "--tls", "--cafile", self.net.ca, "--clientauth", "--certfile", tls / "client.crt",
                "--keyfile", tls / "client.key"]

    def ask(self, **call):
        done = subprocess.run([ours() / "gateway_client", self.setup], input=json.dumps({"step": "", **call}) + "\n",
                              capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def submit(self, key, value, **more):
        return self.ask(do="submit", arguments=["put", key, value], **more)

    def put(self, key, value):
        said = self.submit(key, value)
        assert "answer" in said, said
        got = self.ask(do="evaluate", arguments=["get", key])
        assert got.get("answer") == value, got


def without_quorum(net, app):
    """Two of four are down: a quorum needs three."""
    said = app.submit("k", "lost", timeout_ms=60000)
    assert said.get("code") == "Unavailable" and said["error"] == NO_QUORUM, said
    down = {net.address(i) for i in (2, 3)}
    told = {detail.split(" ")[0] for detail in said["details"]}
    assert down <= told and all("(OrdererMSP)" in detail for detail in said["details"]), said


def censored(net, app, peer):
    """The orderer that the peer reads from is stopped in its tracks: its connection stays, and nothing comes."""
    source = re.findall(r"BlockReceiver starting.*orderer-address=127\.0\.0\.1:(\d+)", net.processes["peer"].text())[-1]
    victim = next(i for i in range(4) if net.port(i) == int(source))
    net.processes[victim].popen.send_signal(signal.SIGSTOP)
    try:
        app.put("k", "past the silent one")
        net.wait(lambda: "Censorship suspicion: block censorship detected" in net.processes["peer"].text(), 60,
                 "the suspicion of a silent orderer")
    finally:
        net.processes[victim].popen.send_signal(signal.SIGCONT)


def main():
    if not upstream_folder():
        skip("FABRIC_GO_BIN names no folder with Fabric's programs")
    for program in ("peer", "configtxgen", "configtxlator", "interop_cpp_chaincode", "gateway_client"):
        if not (ours() / program).exists():
            skip(f"{program} is not built")
    theirs = os.environ.get("SELVAGE_PEER") == "theirs"
    with tempfile.TemporaryDirectory() as folder, Orderers(folder, ["theirs"] * 4, bft=True) as net:
        net.start()
        peer = Peer(net, (upstream_folder() if theirs else ours()) / "peer", CORE_PEER_DELIVERYCLIENT_BLOCKCENSORSHIPTIMEOUTKEY="3s",
                    CORE_PEER_GOSSIP_USELEADERELECTION="false", CORE_PEER_GOSSIP_ORGLEADER="true")
        peer.start()
        peer.cli("channel", "join", "-b", net.genesis)
        net.processes["peer"].wait_for(r"Creating a BFT \(byzantine fault tolerant\) BlockDeliverer for channel")
        app = Application(net, peer)
        app.deploy()
        # Discovery learns of the committed definition in its own time.
        net.wait(lambda: "answer" in app.ask(do="endorse", arguments=["put", "k", "one"]), 60, "an endorsement")
        app.put("k", "one")
        print("four orderers: submitted, ordered, committed", flush=True)
        net.kill(3)
        app.put("k", "two")
        print("one orderer down: the same", flush=True)
        net.kill(2)
        without_quorum(net, app)
        print("two orderers down: " + NO_QUORUM, flush=True)
        net.start_one(2)
        net.start_one(3)
        net.wait(lambda: "answer" in app.submit("k", "three", timeout_ms=10000), 120, "a transaction after the quorum is back")
        print("all four again: submitted, ordered, committed", flush=True)
        # One that lags does not catch up, nor vote, when another one is silent: three at the same height are needed.
        net.wait(lambda: len({net.height(i) for i in range(4)}) == 1, 120, "four orderers at one height")
        censored(net, app, peer)
        print("an orderer that stays silent is given up for another", flush=True)


if __name__ == "__main__":
    main()
