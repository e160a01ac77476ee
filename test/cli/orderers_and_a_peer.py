#!/usr/bin/env python3
"""A peer takes its blocks from three orderers: when the one it reads from is killed, or has lost the others, it goes on with
another one. With SELVAGE_PEER=theirs the peer is upstream's (FABRIC_GO_BIN)."""
import os
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Process, ROOT, free_ports, ours, skip  # noqa: E402
from orderers_kit import CHANNEL, Orderers, upstream_folder  # noqa: E402


class Peer:
    def __init__(self, net, program, **settings):
        self.net, self.program, self.settings = net, program, settings
        self.port, self.ops, self.cc = free_ports(3)
        self.home = net.crypto / "peerOrganizations/org1.example.com"
        self.tls = self.home / "peers/peer0.org1.example.com/tls"

    def start(self):
        env = {**os.environ, "FABRIC_CFG_PATH": str(ROOT / "config"), **{k: str(v) for k, v in dict(
            CORE_PEER_ID="peer0.org1.example.com", CORE_PEER_LISTENADDRESS=f"127.0.0.1:{self.port}",
            CORE_PEER_ADDRESS=f"127.0.0.1:{self.port}", CORE_PEER_GOSSIP_BOOTSTRAP=f"127.0.0.1:{self.port}",
            CORE_PEER_GOSSIP_EXTERNALENDPOINT=f"127.0.0.1:{self.port}",
            CORE_PEER_LOCALMSPID="Org1MSP", CORE_PEER_MSPCONFIGPATH=self.tls.parent / "msp",
            CORE_PEER_TLS_ENABLED="true", CORE_PEER_TLS_CLIENTAUTHREQUIRED="true",
            CORE_PEER_TLS_CERT_FILE=self.tls / "server.crt", CORE_PEER_TLS_KEY_FILE=self.tls / "server.key",
            CORE_PEER_TLS_ROOTCERT_FILE=self.tls / "ca.crt", CORE_PEER_TLS_CLIENTROOTCAS_FILES=self.tls / "ca.crt",
            CORE_PEER_FILESYSTEMPATH=self.net.folder / "peer", CORE_PEER_CHAINCODELISTENADDRESS=f"127.0.0.1:{self.cc}",
            CORE_LEDGER_SNAPSHOTS_ROOTDIR=self.net.folder / "peer/snapshots",
            CORE_OPERATIONS_LISTENADDRESS=f"127.0.0.1:{self.ops}", CORE_VM_ENDPOINT="", **self.settings).items()}}
        process = Process("peer", [str(self.program), "node", "start"], env, self.net.folder)
        self.net.processes["peer"] = process
        process.wait_for("Started peer with ID=")

    def cli(self, *arguments):
        user = self.home / "users/Admin@org1.example.com"
        return self.net.run("peer", *arguments, env=dict(
            CORE_PEER_ADDRESS=f"127.0.0.1:{self.port}", CORE_PEER_LOCALMSPID="Org1MSP",
            CORE_PEER_MSPCONFIGPATH=str(user / "msp"), CORE_PEER_TLS_ENABLED="true",
            CORE_PEER_TLS_CLIENTAUTHREQUIRED="true", CORE_PEER_TLS_ROOTCERT_FILE=str(self.tls / "ca.crt"),
            CORE_PEER_TLS_CLIENTCERT_FILE=str(user / "tls/client.crt"),
            CORE_PEER_TLS_CLIENTKEY_FILE=str(user / "tls/client.key")))

    def height(self):
        return int(re.search(r'"height":(\d+)', self.cli("channel", "getinfo", "-c", CHANNEL).stdout).group(1))


def main():
    theirs = os.environ.get("SELVAGE_PEER") == "theirs"
    if theirs and not upstream_folder():
        skip("FABRIC_GO_BIN names no folder with Fabric's programs")
    if not (ours() / "configtxlator").exists():
        skip("configtxlator is not built")
    with tempfile.TemporaryDirectory() as folder, Orderers(folder, ["ours"] * 3) as net:
        net.start()
        peer = Peer(net, (upstream_folder() if theirs else ours()) / "peer")
        peer.start()
        peer.cli("channel", "join", "-b", net.genesis)
        net.touch(0)
        net.wait(lambda: peer.height() == 2, 30, "block 1 at the peer")
        for victim in range(3):
            net.kill(victim)
            net.wait_for_leader()
            through = (victim + 1) % 3
            net.touch(through)
            height = net.height(through)
            net.wait(lambda: peer.height() == height, 30, f"block {height - 1} at the peer without orderer{victim}")
            net.start_one(victim)
            net.wait_for_height(height)
        # Alone, an orderer has blocks but no leader: it sends its readers away.
        net.wait_for_leader()
        net.kill(0)
        net.kill(1)
        net.wait(lambda: "No leader is present" in net.log(2).rsplit("Beginning to serve", 1)[-1], 30, "a lonely orderer2")
        refused = net.peer("channel", "fetch", "newest", net.folder / "x.block", *net.flags(2), check=False)
        assert refused.returncode != 0 and "SERVICE_UNAVAILABLE" in refused.stderr, refused.stderr
        net.start_one(0)
        net.wait_for_leader()
        net.touch(2)
        height = net.height(2)
        net.wait(lambda: peer.height() == height, 30, f"block {height - 1} at the peer")
        print(f"the peer has all {height} blocks")


if __name__ == "__main__":
    main()
