#!/usr/bin/env python3
"""chaincode.mode dev over mutual TLS: nothing is installed, a developer starts the chaincode by hand, stops it, starts it
again; the pair of certificates is the one that the peer leaves for it."""
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, Process, ours, skip  # noqa: E402

ASSETS = ["-C", "mychannel", "-n", "assets"]
DEFINITION = [*ASSETS, "--version", "1", "--sequence", "1"]


def start_chaincode(net, folder, org, name):
    pair = folder / org / "chaincode-development"
    env = net.environment(CORE_CHAINCODE_ID_NAME="assets:1", CORE_PEER_TLS_ENABLED="true",
                          CORE_PEER_TLS_ROOTCERT_FILE=pair / "ca.crt", CORE_TLS_CLIENT_CERT_FILE=pair / "client.crt",
                          CORE_TLS_CLIENT_KEY_FILE=pair / "client.key")
    process = Process(name, [str(ours() / "asset_transfer"), "-peer.address", f"127.0.0.1:{net.ports[org + '_cc']}"], env, folder)
    net.processes[name] = process
    process.wait_for("Registered with the peer as assets:1")
    return process


def main():
    our = ours()
    if not (our / "asset_transfer").exists():
        skip("asset_transfer is not built")
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=our / "orderer",
            peer=our / "peer", osnadmin=our / "osnadmin") as net:
        folder = pathlib.Path(folder)
        net.make_material()
        net.start_orderer()
        for org in ("org1", "org2"):
            net.start_peer(org, CORE_CHAINCODE_MODE="dev")
        net.join()
        for org in ("org1", "org2"):
            net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *DEFINITION)
        net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *DEFINITION,
                *net.peer_flags("org1", "org2"))
        started = {org: start_chaincode(net, folder, org, f"chaincode_{org}") for org in ("org1", "org2")}

        def invoke(*arguments):
            return net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), *ASSETS,
                           *net.peer_flags("org1", "org2"), "--waitForEvent", "-c", json.dumps({"Args": arguments}))

        invoke("InitLedger")
        started["org1"].stop()
        start_chaincode(net, folder, "org1", "chaincode_org1_again")
        invoke("TransferAsset", "asset1", "Ann")
        answer = net.cli("org1", "chaincode", "query", *ASSETS, "-c", '{"Args":["ReadAsset","asset1"]}').stdout
        assert '"Owner":"Ann"' in answer, answer
        print("chaincode started by hand, and again, works in development mode")


if __name__ == "__main__":
    main()
