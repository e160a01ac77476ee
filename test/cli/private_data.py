#!/usr/bin/env python3
"""Private data between the peers of two organisations: pushed before an endorsement is given out, pulled when a block
promises it, never seen by those who are not members. Approved at one peer, chaincode runs on the organisation's other peer.
An organisation that becomes a member of a collection gets what was written before.

With FABRIC_GO_BIN the same again with an upstream peer beside ours in each organisation.
"""
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from network import Process, free_ports, ours  # noqa: E402
from peer_network import PeerNetwork  # noqa: E402

MEMBERS_SIGN = {"signaturePolicy": "OR('Org1MSP.member','Org2MSP.member')"}


def collection(name, policy, required, maximum, **more):
    return {"name": name, "policy": policy, "requiredPeerCount": required, "maxPeerCount": maximum, "blockToLive": 0,
            "memberOnlyRead": False, "memberOnlyWrite": False, "endorsementPolicy": MEMBERS_SIGN, **more}


ONE, BOTH = "OR('Org1MSP.member')", "OR('Org1MSP.member','Org2MSP.member')"
COLLECTIONS = [collection("pushed", ONE, 1, 2), collection("pulled", ONE, 0, 0), collection("shared", BOTH, 2, 3)]


def deploy(net, folder):
    """The C++ test chaincode as a service for all peers, installed on each; its package id."""
    program = ours() / "interop_cpp_chaincode"
    address = f"127.0.0.1:{free_ports(1)[0]}"
    tls, client = net.peer_tls("org1.peer0"), net.org("org1") / "users/User1@org1.example.com/tls"
    (folder / "connection.json").write_text(json.dumps({
        "address": address, "dial_timeout": "10s", "tls_required": True, "client_auth_required": True,
        "root_cert": (tls / "ca.crt").read_text(), "client_cert": (client / "client.crt").read_text(),
        "client_key": (client / "client.key").read_text()}))
    (folder / "metadata.json").write_text(json.dumps({"type": "ccaas", "label": "cc"}))
    with tarfile.open(folder / "code.tar.gz", "w:gz") as code:
        code.add(folder / "connection.json", "connection.json")
    package = folder / "cc.tar.gz"
    with tarfile.open(package, "w:gz") as whole:
        whole.add(folder / "metadata.json", "metadata.json")
        whole.add(folder / "code.tar.gz", "code.tar.gz")
    package_id = net.cli("org1", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
    env = net.environment(CHAINCODE_ID=package_id, CHAINCODE_SERVER_ADDRESS=address,
                          CHAINCODE_TLS_KEY=tls / "server.key", CHAINCODE_TLS_CERT=tls / "server.crt",
                          CHAINCODE_CLIENT_CA_CERT=tls / "ca.crt")
    net.processes["chaincode"] = Process("chaincode", [str(program)], env, folder)
    for name in net.names:
        net.cli(name, "lifecycle", "chaincode", "install", package)
    return package_id


def define(net, package_id, sequence, collections):
    """Approved at peer0 of each organisation, and committed."""
    config = net.folder / "collections.json"
    config.write_text(json.dumps(collections))
    definition = ["-C", "mychannel", "-n", "cc", "--version", "1", "--sequence", str(sequence), "--collections-config", config]
    for org in net.org_names:
        net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *definition,
                "--package-id", package_id)
    peers = [f"{org}.peer0" for org in net.org_names]
    net.wait_until("all are at one height", lambda: len({net.height(n) for n in net.names}) == 1)
    net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition, *net.peer_flags(*peers))


def call(function, *arguments):
    return json.dumps({"function": function, "Args": list(arguments)})


def put(net, name, where, key, value, check=True):
    import base64
    transient = json.dumps({"value": base64.b64encode(value.encode()).decode()})
    return net.cli(name, "chaincode", "invoke", *net.orderer_flags(name.split(".")[0]), "-C", "mychannel", "-n", "cc",
                   "-c", call("putprivate", where, key), "--transient", transient, "--waitForEvent",
                   *net.peer_flags(name), check=check)


def get(net, name, where, key):
    done = net.cli(name, "chaincode", "query", "-C", "mychannel", "-n", "cc", "-c", call("getprivate", where, key), check=False)
    return done.stdout.strip() if done.returncode == 0 else "error: " + done.stderr


def reaches(net, name, where, key, value):
    net.wait_until(f"{name} has {key} of {where}: {get(net, name, where, key)}",
                   lambda: get(net, name, where, key) == value, 60)


def has_marker(path, marker):
    return subprocess.run(["grep", "-rqa", "--", marker, str(path)]).returncode == 0


def check_metrics(net, names):
    """Each histogram of private data has had something to observe at one of these peers, and each of a block at all."""
    for name, at in [("send", any), ("fetch", any), ("pull", any), ("retrieve", any), ("reconciliation", any), ("purge", all),
                     ("list_missing", all), ("commit_block", all), ("validation", all)]:
        counts = [net.metric(n, f"gossip_privdata_{name}_duration_count") or 0 for n in names]
        assert at(count > 0 for count in counts), f"gossip_privdata_{name}_duration was observed {counts} times"


def run(folder, theirs=()):
    go = pathlib.Path(os.environ["FABRIC_GO_BIN"]) if theirs else None
    with PeerNetwork(folder, orgs=2, peers=2, peer_of=lambda name: go / "peer" if name in theirs else None,
                     settings=lambda name: {"CORE_PEER_GOSSIP_PVTDATA_RECONCILESLEEPINTERVAL": "2s"}) as net:
        net.start()
        net.wait_for_views(3, timeout=60)
        package_id = deploy(net, net.folder)
        define(net, package_id, 1, [*COLLECTIONS, collection("joined", ONE, 0, 0)])
        marker = "marker" + secrets.token_hex(8)
        for i, giver in enumerate(("org1.peer0", "org1.peer1")):
            other = "org1.peer1" if giver == "org1.peer0" else "org1.peer0"
            for where in ("pushed", "pulled"):
                put(net, giver, where, f"k{i}", f"{marker}{i}")
                reaches(net, other, where, f"k{i}", f"{marker}{i}")
                print(f"{where}: from {giver} to {other}")
        for i, giver in enumerate(net.names):
            put(net, giver, "shared", f"s{i}", f"value{i}")
            for name in net.names:
                reaches(net, name, "shared", f"s{i}", f"value{i}")
        print("shared: from each to all")
        for name in ("org2.peer0", "org2.peer1"):
            answer = get(net, name, "pushed", "k0")
            assert marker not in answer and answer.startswith("error: "), answer
            assert not has_marker(net.folder / name, marker), f"{name} holds a value that is not for it"
        for log in net.folder.glob("*.log"):
            assert not has_marker(log, marker), f"{log.name} holds a private value"
        assert not has_marker(net.folder / "orderer", marker), "the orderer holds a private value"
        assert any(has_marker(net.folder / name, marker) for name in ("org1.peer0", "org1.peer1")), "grep finds nothing at all"

        put(net, "org1.peer0", "joined", "old", "from before")
        for name in ("org2.peer0", "org2.peer1"):
            assert get(net, name, "joined", "old").startswith("error: "), "seen by an organisation that is no member"
        define(net, package_id, 2, [*COLLECTIONS, collection("joined", BOTH, 0, 0)])
        for name in net.names:
            reaches(net, name, "joined", "old", "from before")
        put(net, "org2.peer1", "joined", "new", "from now")
        for name in net.names:
            reaches(net, name, "joined", "new", "from now")
        print("an organisation joined a collection: its peers have what was written before")

        net.processes["org1.peer1"].stop()
        net.wait_until("org1.peer1 is missed",
                       lambda: net.metric("org1.peer0", "gossip_membership_total_peers_known") == 2, 60)
        refused = put(net, "org1.peer0", "pushed", "k9", "value", check=False)
        assert refused.returncode != 0, "endorsed although no peer could take the data"
        assert "required to disseminate to at least 1 peers, but know of only 0 eligible peers" in refused.stderr, refused.stderr
        print("a required peer is missing: refused")

        # A member that was away, and finds nobody to ask when it comes back, gets the data later.
        put(net, "org1.peer0", "pulled", "late", "late value")
        height = net.height("org1.peer0")
        net.processes["org1.peer0"].stop()
        net.start_peer("org1.peer1", CORE_PEER_GOSSIP_PVTDATA_PULLRETRYTHRESHOLD="0s")
        net.wait_until("org1.peer1 has the block", lambda: net.metric("org1.peer1", "gossip_state_height") == height, 60)
        assert get(net, "org1.peer1", "pulled", "late") != "late value"
        net.start_peer("org1.peer0")
        reaches(net, "org1.peer1", "pulled", "late", "late value")
        net.processes["org1.peer1"].wait_for("Reconciliation cycle finished successfully. reconciled 1 private data keys")
        print("reconciled")
        put(net, "org1.peer0", "pushed", "again", "to the member that is back")  # both began to count anew
        if not theirs:  # who of a mixed pair pulls and who pushes is chance
            check_metrics(net, ["org1.peer0", "org1.peer1"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        run(pathlib.Path(folder) / "ours")
        if (pathlib.Path(os.environ.get("FABRIC_GO_BIN", "")) / "peer").is_file():
            run(pathlib.Path(folder) / "mixed", theirs={"org1.peer1", "org2.peer0"})
        else:
            print("FABRIC_GO_BIN names no folder with Fabric's programs: ours only")


if __name__ == "__main__":
    main()
