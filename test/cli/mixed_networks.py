#!/usr/bin/env python3
"""One network after another: orderer, peers and CLI each ours or upstream's, from key material to transactions.

All ours needs nothing else; the mixes need FABRIC_GO_BIN. Each must take the same commands and give the same answers.
"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import peer_cli_drives_upstream as steps  # noqa: E402
from network import Network, ours, skip  # noqa: E402


def run(our, orderer, peer, cli):
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=orderer / "orderer",
            peer=peer / "peer", osnadmin=our / "osnadmin", cli=cli / "peer") as net:
        net.start()
        if cli == our:
            steps.channel_commands(net)
        services = steps.deploy(net, folder, our / "basic_chaincode")
        try:
            steps.transact(net)
        finally:
            for service in services:
                service.stop()


def main():
    our = ours()
    for program in ("orderer", "peer", "basic_chaincode"):
        if not (our / program).exists():
            skip(f"{our / program} is not built")
    run(our, our, our, our)
    print("orderer, peers and CLI ours: ok")
    go = os.environ.get("FABRIC_GO_BIN")
    if not go:
        print("FABRIC_GO_BIN names no folder with Fabric's programs: no mixes")
        return
    go = pathlib.Path(go)
    for name, parts in {"orderer upstream's": (go, our, our), "peers upstream's": (our, go, our),
                        "CLI upstream's": (our, our, go)}.items():
        run(our, *parts)
        print(f"{name}: ok")


if __name__ == "__main__":
    main()
