#!/usr/bin/env python3
"""Our endorser beside upstream's: the same proposals, to the byte the same answers.

Fabric's own Go chaincode runs as a service over mutual TLS, dialled by both peers. Each call goes to both at once;
upstream's CLI refuses to put a transaction together when their payloads differ in one byte. Calls that fail are asked of
each peer alone and must fail in the same words.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, Network, Process, free_ports, ours, skip, upstream  # noqa: E402

CHANNEL = ["-C", "mychannel", "-n", "cc"]
QUIET = {"FABRIC_LOGGING_SPEC": "error:grpc=fatal"}  # what commands say themselves stays
COLLECTIONS = [
    {"name": "secrets", "policy": "OR('Org1MSP.member', 'Org2MSP.member')", "requiredPeerCount": 0, "maxPeerCount": 0,
     "blockToLive": 0, "memberOnlyRead": True, "memberOnlyWrite": True},
    {"name": "ones", "policy": "OR('Org1MSP.member')", "requiredPeerCount": 0, "maxPeerCount": 0, "blockToLive": 0,
     "memberOnlyRead": True, "memberOnlyWrite": True},
]

# In this order; each goes to both peers and is committed.
INVOKES = [
    ["put", "a", "1"], ["get", "a"], ["get", "nothing"], ["put", "a", "2"], ["del", "a"],
    ["putmany", "r", "120"], ["count", "r", "s"], ["range", "r0001", "r0004"], ["range", "", ""], ["range", "x", "y"],
    ["batch", "b1", "b2"], ["getmany", "b1", "none", "b2"],
    ["putcomposite", "colour", "blue", "1"], ["composite", "colour", "blue"], ["composite", "colour"],
    ["history", "a"], ["setpolicy", "b1", "\x12\x00"], ["getpolicy", "b1"], ["getpolicy", "b2"],
    ["compositepage", "colour", "1", ""], ["compositepage", "colour", "1", "", "blue"], ["allcomposite", "5", ""],
    ["batch", "c1"], ["batch", *[f"many{i}" for i in range(30)]], ["getmany", *[f"many{i}" for i in range(30)], "none"],
    ["getmany", "b1"], ["decorations"], ["put", "\u00e4\u00f6", "umlaut"], ["get", "\u00e4\u00f6"],
    ["range", "\u00e4", "\u00fc"], ["put", "empty", ""], ["putmany", "m", "50"], ["range", "m0000", "m0051"],
    ["putmany", "m", "51"], ["range", "m0000", "m0051"], ["count", "", ""], ["putcomposite", "", "x"],
    ["putcomposite", "t"], ["composite", "t"], ["call", "qscc", "mychannel", "GetChainInfo", "mychannel"],
    ["batchprivate", "secrets", "m1", "m2"], ["getmanyprivate", "secrets", "m1", "none", "m2"],
    ["setprivatepolicy", "secrets", "m1", "\x12\x00"], ["getprivatepolicy", "secrets", "m1"],
    ["purgeprivate", "secrets", "m2"],
    ["event", "happened", "42"], ["creator"], ["status", "399"], ["hashprivate", "secrets", "p"],
    ["delprivate", "secrets", "p"], ["hashprivate", "ones", "p"],
]
SAMPLE = [["create", "1", "ann", "blue"], ["create", "2", "ann", "red"], ["read", "1"], ["owned", "ann"],
          ["transfer", "1", "bob"], ["history", "1"], ["delete", "2"], ["put", "k", "v"], ["get", "k"]]
# Each of one peer alone; both must say the same.
QUERIES = [
    ["page", "r0000", "s", "3", ""], ["page", "r0000", "s", "3", "r0118"], ["page", "r0000", "s", "500", ""],
    ["history", "r0001"], ["call", "qscc", "", "GetChainInfo", "mychannel"], ["call", "other", "", "x"],
    ["call", "cc", "", "get", "a"], ["call", "cc", "nochannel", "get", "a"], ["call", "cc:9.9", "", "get", "a"],
    ["status", "400"], ["status", "404"], ["status", "500"], ["status", "501"], ["no such function"],
    ["getprivate", "nowhere", "k"], ["getprivate", "_implicit_org_Org1MSP", "k"], ["getprivate", "ones", "k"],
    ["rangeprivate", "secrets", "a", "z"], ["rangeprivate", "secrets", "", ""], ["rangeprivate", "nowhere", "a", "z"],
    ["getmanyprivate", "nowhere", "k"], ["getmanyprivate", "", "k"], ["purgeprivate", "", "k"], ["purgeprivate", "nowhere", "k"],
    ["batchprivate", "nowhere", "k"], ["setprivatepolicy", "nowhere", "k", "p"], ["getprivatepolicy", "nowhere", "k"],
    ["page", "r0000", "s", "-1", ""], ["page", "r0000", "s", "0", "r0004"], ["page", "\x00", "s", "1", ""],
    ["compositepage", "", "1", ""], ["compositepage", "colour", "1", "x"], ["getmany"], ["getmany", ""], ["batch"],
    ["putcomposite", "a\u0000b", "x"], ["composite", "a\U0010ffffb"], ["putcomposite", "a", "b\U0010ffff"],
    ["setpolicy", "", "p"], ["getpolicy", ""], ["del", ""], ["history", ""], ["event", "", "x"],
    ["call", "cc", "mychannel", "get", "a"], ["call", "", "", "x"], ["call", "cc/nochannel", "", "x"],
    ["query", "{}"], ["put", "", "v"], ["get", ""], ["range", "\x00x", "y"], ["hashprivate", "nowhere", "k"],
]
CALLS = [  # (chaincode, function and arguments)
    ("qscc", ["GetBlockByNumber", "mychannel", "99"]), ("qscc", ["GetBlockByNumber", "mychannel", "x"]),
    ("qscc", ["GetBlockByNumber", "mychannel", "-1"]), ("qscc", ["GetBlockByNumber", "mychannel", ""]),
    ("qscc", ["GetTransactionByID", "mychannel", "nope"]), ("qscc", ["GetBlockByTxID", "mychannel", "nope"]),
    ("qscc", ["GetBlockByHash", "mychannel", "nope"]), ("qscc", ["GetBlockByNumber", "mychannel"]),
    ("qscc", ["GetChainInfo", "nochannel"]), ("qscc", ["Nothing", "mychannel", "x"]), ("qscc", ["GetChainInfo"]),
    ("cscc", ["GetChannelConfig", "nochannel"]), ("cscc", ["GetChannelConfig", ""]), ("cscc", ["GetConfigBlock", "nochannel"]),
    ("cscc", ["Nothing", "x"]), ("cscc", ["JoinChain", "x"]), ("cscc", ["JoinChain"]), ("cscc", ["GetConfigBlock"]),
    ("_lifecycle", ["QueryChaincodeDefinition", ""]), ("_lifecycle", ["Nothing", "x"]), ("_lifecycle", ["QueryChaincodeDefinition"]),
    ("_lifecycle", ["CommitChaincodeDefinition", "x"]), ("_lifecycle", ["QueryChaincodeDefinition", "\x0a\x02no"]),
    ("_lifecycle", ["QueryApprovedChaincodeDefinition", "\x0a\x02no"]), ("_lifecycle", ["CheckCommitReadiness", "\x08\x07\x12\x02no"]),
    ("_lifecycle", ["QueryInstalledChaincode", "\x0a\x02no"]), ("_lifecycle", ["GetInstalledChaincodePackage", "\x0a\x02no"]),
    ("_lifecycle", ["InstallChaincode", "\x0a\x02no"]), ("_lifecycle", ["ApproveChaincodeDefinitionForMyOrg", "\x08\x01\x12\x02n!"]),
    ("_lifecycle", ["ApproveChaincodeDefinitionForMyOrg", "\x08\x07\x12\x02no\x1a\x011"]),
    ("nochaincode", ["x"]),
]


def build_chaincode(folder):
    program = folder / "gochaincode"
    source = ROOT / "test/interop/chaincode/go"
    try:
        done = subprocess.run(["go", "build", "-mod=readonly", "-o", program, "."], cwd=source, capture_output=True, text=True)
    except FileNotFoundError:
        skip("no go")
    if done.returncode != 0:
        skip("the Go chaincode cannot be built here: " + done.stderr[-300:])
    return program


def make_package(net, folder, address, name):
    """A ccaas package with mutual TLS: the orderer organisation's TLS CA signs for nobody here, Org1's for both ends."""
    tls = net.peer_tls("org1")
    client = net.org("org1") / "users/User1@org1.example.com/tls"
    (folder / "connection.json").write_text(json.dumps({
        "address": address, "dial_timeout": "10s", "tls_required": True, "client_auth_required": True,
        "root_cert": (tls / "ca.crt").read_text(), "client_cert": (client / "client.crt").read_text(),
        "client_key": (client / "client.key").read_text()}))
    (folder / "metadata.json").write_text(json.dumps({"type": "ccaas", "label": name}))
    with tarfile.open(folder / "code.tar.gz", "w:gz") as code:
        code.add(folder / "connection.json", "connection.json")
    package = folder / f"{name}.tar.gz"
    with tarfile.open(package, "w:gz") as whole:
        whole.add(folder / "metadata.json", "metadata.json")
        whole.add(folder / "code.tar.gz", "code.tar.gz")
    return package


def deploy(net, folder, program, name, *more):
    address = f"127.0.0.1:{free_ports(1)[0]}"
    package = make_package(net, folder, address, name)
    package_id = net.cli("org1", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
    tls = net.peer_tls("org1")
    env = net.environment(CHAINCODE_ID=package_id, CHAINCODE_SERVER_ADDRESS=address, CHAINCODE_TLS_KEY=tls / "server.key",
                          CHAINCODE_TLS_CERT=tls / "server.crt", CHAINCODE_CLIENT_CA_CERT=tls / "ca.crt")
    net.processes[f"chaincode_{name}"] = Process(f"chaincode_{name}", [str(program)], env, folder)
    definition = ["-C", "mychannel", "-n", name, "--version", "1", "--sequence", "1", *more]
    for org in ("org1", "org2"):
        net.cli(org, "lifecycle", "chaincode", "install", package)
        net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *definition,
                "--package-id", package_id)
    wait_for_equal_height(net)
    net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition,
            *net.peer_flags("org1", "org2"))


def wait_for_equal_height(net):
    """An approval's event comes from its own organisation's peer: the other one may be a block behind."""
    deadline = time.monotonic() + 30
    while True:
        answers = [net.cli(org, "channel", "getinfo", "-c", "mychannel", **QUIET).stdout for org in ("org1", "org2")]
        if len({json.loads(a[a.index("{"):])["height"] for a in answers}) == 1:
            return
        assert time.monotonic() < deadline, f"heights stay apart: {answers}"


def invoke(net, arguments, *more, check=True, name="cc"):
    return net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), "-C", "mychannel", "-n", name,
                   *net.peer_flags("org1", "org2"), "--waitForEvent", *more, "-c", json.dumps({"Args": arguments}),
                   check=check, **QUIET)


def in_order(value):
    """JSON with its lists sorted: Go lists chaincodes in the order of a map, which is none."""
    if isinstance(value, dict):
        return {k: in_order(v) for k, v in value.items()}
    return sorted(map(in_order, value), key=lambda v: json.dumps(v, sort_keys=True)) if isinstance(value, list) else value


def said(done, *ports):
    """What a command said, without what must differ: times, transaction ids, ports."""
    stdout = done.stdout
    if stdout.startswith("{"):
        stdout = json.dumps(in_order(json.loads(stdout)), indent=1, sort_keys=True)
    text = re.sub(r"\x1b\[[0-9;]*m", "", stdout + done.stderr)
    text = "\n".join(line for line in text.splitlines() if not re.match(r"\d{4}-\d\d-\d\d .* (INFO|WARN) ", line))
    text = re.sub(r"\b[0-9a-f]{64}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC [0-9a-f]{4}", "<time>", text)
    for port in ports:
        text = text.replace(str(port), "<port>")
    return f"{done.returncode} {text}"


def compare(net, label, ask):
    """ask(org) of both; the difference, or None."""
    answers = [said(ask(org), net.ports["org1"], net.ports["org2"]) for org in ("org1", "org2")]
    # MSP names differ where the peer names its own organisation.
    answers = [a.replace("Org1MSP", "<our MSP>").replace("Org2MSP", "<our MSP>") for a in answers]
    if answers[0] == answers[1]:
        return None
    return f"{label}\n  ours:       {answers[0].strip()}\n  upstream's: {answers[1].strip()}"


def main():
    go, our = upstream(), ours()
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=go / "orderer",
            peer=go / "peer", osnadmin=go / "osnadmin") as net:
        folder = pathlib.Path(folder)
        program = build_chaincode(folder)
        net.make_material()
        net.start_orderer()
        net.start_peer("org2")
        net.programs["peer"] = our / "peer"
        net.start_peer("org1")
        net.join()
        (folder / "collections.json").write_text(json.dumps(COLLECTIONS))
        deploy(net, folder, program, "cc", "--collections-config", folder / "collections.json", "--init-required")
        sample = our / "basic_chaincode"
        if sample.exists():
            deploy(net, folder, sample, "basic")

        differences = []

        def query(peer, chaincode, arguments, org="org1"):
            return net.cli(org, "chaincode", "query", "-C", "mychannel", "-n", chaincode, *net.peer_flags(peer), "-c",
                           json.dumps({"Args": arguments}), check=False, **QUIET)

        differences.append(compare(net, "query before init", lambda org: query(org, "cc", ["get", "a"])))
        invoke(net, ["anything"], "--isInit")
        differences.append(compare(net, "init again", lambda org: net.cli(
            "org1", "chaincode", "invoke", *net.orderer_flags("org1"), *CHANNEL, *net.peer_flags(org), "--isInit", "-c",
            '{"Args":["x"]}', check=False, **QUIET)))

        equal = 0
        for arguments in INVOKES:
            done = invoke(net, arguments, check=False)
            if done.returncode == 0:
                equal += 1
            else:
                differences.append(f"invoke {arguments}: {said(done)}")
        secret = ["--transient", json.dumps({"value": "c2VjcmV0"})]
        for arguments in (["putprivate", "secrets", "p"], ["putprivate", "_implicit_org_Org1MSP", "q"]):
            done = invoke(net, arguments, *secret, check=False)
            if done.returncode == 0:
                equal += 1
            else:
                differences.append(f"invoke {arguments}: {said(done)}")

        # Chaincode on our own shim: both peers dial it, with a client certificate that it demands.
        for arguments in SAMPLE if sample.exists() else []:
            done = invoke(net, arguments, check=False, name="basic")
            if done.returncode == 0:
                equal += 1
            else:
                differences.append(f"basic {arguments}: {said(done)}")

        for arguments in QUERIES:
            for org in ("org1", "org2"):
                differences.append(compare(net, f"{org} asks {arguments}", lambda peer: query(peer, "cc", arguments, org)))
        for chaincode, arguments in CALLS:
            # What only a peer's own organisation may ask is asked by it.
            differences.append(compare(net, f"{chaincode} {arguments}", lambda peer: query(peer, chaincode, arguments, peer)))
        for arguments in (["lifecycle", "chaincode", "querycommitted", "-C", "mychannel", "-O", "json"],
                          ["lifecycle", "chaincode", "querycommitted", "-C", "mychannel", "-n", "cc", "-O", "json"],
                          ["lifecycle", "chaincode", "queryapproved", "-C", "mychannel", "-n", "cc", "-O", "json"],
                          ["lifecycle", "chaincode", "queryinstalled", "-O", "json"],
                          ["lifecycle", "chaincode", "checkcommitreadiness", *CHANNEL, "--version", "2", "--sequence",
                           "2", "-O", "json"],
                          ["lifecycle", "chaincode", "checkcommitreadiness", *CHANNEL, "--version", "2", "--sequence",
                           "7", "-O", "json"],
                          ["channel", "list"], ["channel", "join", "-b", net.block]):
            differences.append(compare(net, " ".join(map(str, arguments)),
                                       lambda org: net.cli(org, *arguments, check=False, **QUIET)))
            differences.append(compare(net, " ".join(map(str, arguments)) + " (as a client)",
                                       lambda org: net.cli(org, *arguments, user="User1", check=False, **QUIET)))
        differences = [d for d in differences if d]
        print(f"{equal} transactions endorsed alike, {len(differences)} differences")
        if differences:
            print("\n".join(differences))
            if os.environ.get("SELVAGE_KEEP_LOG"):
                print(net.processes["org1"].text()[-6000:])
            sys.exit(1)


if __name__ == "__main__":
    main()
