#!/usr/bin/env python3
"""Our peer and upstream's on one channel of an upstream orderer, over mutual TLS: equal bytes on disk.

Every transaction is endorsed by both (equal read/write sets, or it could not be put together), a good part of them are
made to fail (one endorser only, read conflicts, phantoms), and our peer is killed in between, again and again. In the
end the block files, with validation codes and commit hashes in them, must be the same byte for byte.
"""
import json
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, Process, free_ports, ours, skip, upstream  # noqa: E402

CHANNEL = ["-C", "mychannel", "-n", "basic"]


def make_package(folder, address):
    (folder / "connection.json").write_text(json.dumps(
        {"address": address, "dial_timeout": "5s", "tls_required": False}))
    (folder / "metadata.json").write_text(json.dumps({"type": "ccaas", "label": "basic"}))
    with tarfile.open(folder / "code.tar.gz", "w:gz") as code:
        code.add(folder / "connection.json", "connection.json")
    package = folder / "basic.tar.gz"
    with tarfile.open(package, "w:gz") as whole:
        whole.add(folder / "metadata.json", "metadata.json")
        whole.add(folder / "code.tar.gz", "code.tar.gz")
    return package


def deploy(net, folder, program):
    address = f"127.0.0.1:{free_ports(1)[0]}"
    package = make_package(folder, address)
    package_id = net.cli("org1", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
    env = net.environment(CHAINCODE_ID=package_id, CHAINCODE_SERVER_ADDRESS=address, CHAINCODE_TLS_DISABLED="true")
    net.processes["chaincode"] = Process("chaincode", [str(program)], env, folder)
    definition = [*CHANNEL, "--version", "1", "--sequence", "1"]
    for org in ("org1", "org2"):
        net.cli(org, "lifecycle", "chaincode", "install", package)
        net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *definition,
                "--package-id", package_id)
    net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition,
            *net.peer_flags("org1", "org2"))


def invoke(net, orgs, *arguments, wait=False, check=True):
    more = ["--waitForEvent"] if wait else []
    return net.cli("org2", "chaincode", "invoke", *net.orderer_flags("org2"), *CHANNEL, *net.peer_flags(*orgs), *more,
                   "-c", json.dumps({"Args": list(arguments)}), check=check)


def height_of(net, org):
    answer = net.cli(org, "channel", "getinfo", "-c", "mychannel").stdout
    return json.loads(answer[answer.index("{"):])["height"]


def block_file(net, org):
    return (net.folder / org / "ledgersData/chains/chains/mychannel/blockfile_000000").read_bytes()


def wait_for_equal_height(net):
    deadline = time.monotonic() + 60
    while True:
        heights = [height_of(net, "org1"), height_of(net, "org2")]
        if heights[0] == heights[1]:
            return heights[0]
        assert time.monotonic() < deadline, f"heights stay apart: {heights}"


def load(net):
    """Transactions that stand and transactions that do not."""
    both = ("org1", "org2")
    for i in range(6):
        invoke(net, both, "create", f"asset{i}", "ann", "1", wait=i == 5)
    with ThreadPoolExecutor(4) as pool:  # the same asset at once: one stands, the others conflict
        list(pool.map(lambda owner: invoke(net, both, "transfer", "asset0", owner, check=False), ["bob", "cat", "dan", "eve"]))
    with ThreadPoolExecutor(3) as pool:  # a range read beside writes into it
        list(pool.map(lambda call: invoke(net, both, *call, check=False),
                      [("owned", "ann"), ("transfer", "asset1", "bob"), ("delete", "asset2"), ("owned", "bob")]))
    invoke(net, ("org2",), "put", "alone", "1", check=False)  # one endorsement where two are needed
    invoke(net, both, "put", "last", "1", wait=True)


def main():
    go, our = upstream(), ours()
    chaincode = our / "basic_chaincode"
    if not chaincode.exists():
        skip("basic_chaincode is not built")
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=go / "orderer",
            peer=go / "peer", osnadmin=go / "osnadmin") as net:
        net.make_material()
        net.start_orderer()
        net.start_peer("org2")
        net.programs["peer"] = our / "peer"
        net.start_peer("org1")
        net.join()
        deploy(net, pathlib.Path(folder), chaincode)

        load(net)
        for round_number in range(3):
            with ThreadPoolExecutor(1) as pool:
                busy = pool.submit(lambda: [invoke(net, ("org1", "org2"), "put", f"k{round_number}-{i}", "v", check=False)
                                            for i in range(8)])
                net.processes["org1"].popen.send_signal(signal.SIGKILL)  # while blocks come in
                net.processes["org1"].stop()
                net.start_peer("org1")
                busy.result()
        load_again = invoke(net, ("org1", "org2"), "put", "after", "the kills", wait=True)
        assert "status:200" in load_again.stderr, load_again.stderr

        height = wait_for_equal_height(net)
        assert block_file(net, "org1") == block_file(net, "org2"), "block files differ"
        log = net.processes["org2"].text()
        for code in ("MVCC_READ_CONFLICT", "ENDORSEMENT_POLICY_FAILURE"):
            assert code in log, f"the load made no {code}"
        begun = time.monotonic()
        net.processes["org1"].stop()
        assert time.monotonic() - begun < 5, "the peer takes more than 5 s to end"
        assert net.processes["org1"].popen.returncode == 0, net.processes["org1"].popen.returncode
        print(f"{height} blocks, validation codes and commit hashes equal beside upstream's peer, after 3 kills")


if __name__ == "__main__":
    main()
