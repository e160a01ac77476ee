#!/usr/bin/env python3
"""Upstream's orderer and peers start from our cryptogen output and our configtxgen block, and work as a network.

Also: our -inspectBlock prints, byte for byte, what upstream's prints.
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, ours, upstream  # noqa: E402


def json_of(program, block):
    return subprocess.run([str(program), "-inspectBlock", str(block)], check=True, capture_output=True).stdout


def main():
    go, our = upstream(), ours()
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=go / "orderer",
            peer=go / "peer", osnadmin=go / "osnadmin") as net:
        net.start()
        assert json_of(our / "configtxgen", net.block) == json_of(go / "configtxgen", net.block)
        for org in ("org1", "org2"):
            listed = net.cli(org, "channel", "list").stdout
            assert "mychannel" in listed, listed
        fetched = pathlib.Path(folder) / "fetched.block"
        net.cli("org1", "channel", "fetch", "config", fetched, "-c", "mychannel", *net.orderer_flags("org1"))
        assert fetched.read_bytes() == net.block.read_bytes(), "the orderer serves another block 0 than it joined with"
        print("upstream's orderer and peers run on our key material and our genesis block")


if __name__ == "__main__":
    main()
