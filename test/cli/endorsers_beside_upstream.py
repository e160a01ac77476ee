#!/usr/bin/env python3
"""Who can endorse, as our peer and upstream's in one network say: the same layouts of the same peers, and errors word by word,
for chaincodes with collections, calls of chaincode by chaincode, key policies and flags, put together at random.
SELVAGE_SEED repeats a run. Needs FABRIC_GO_BIN.
"""
import base64
import json
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from peer_network import PeerNetwork  # noqa: E402
from network import free_ports, ours, skip, upstream  # noqa: E402

THEIRS = {"org1.peer1", "org2.peer0", "org3.peer1"}
OUR_PEER, THEIR_PEER = "org1.peer0", "org1.peer1"
ORGS = ["Org1MSP", "Org2MSP", "Org3MSP"]
QUESTIONS = int(os.environ.get("SELVAGE_QUESTIONS", "150"))


def collection(name, members, policy=None):
    one = {"name": name, "policy": "OR(" + ",".join(f"'{org}.member'" for org in members) + ")", "requiredPeerCount": 0,
           "maxPeerCount": 1, "blockToLive": 0, "memberOnlyRead": False, "memberOnlyWrite": False}
    if policy:
        one["endorsementPolicy"] = policy
    return one


# name -> (signature policy or None for the channel's, collections, organisations whose peers have it installed)
CHAINCODES = {
    "plain": (None, [], ORGS),
    "secret": ("OR('Org1MSP.peer',AND('Org2MSP.peer','Org3MSP.peer'))", [
        collection("one", ["Org1MSP"], {"signaturePolicy": "OR('Org1MSP.peer')"}),
        collection("onetwo", ["Org1MSP", "Org2MSP"], {"signaturePolicy": "AND('Org1MSP.peer','Org2MSP.peer')"}),
        collection("twothree", ["Org2MSP", "Org3MSP"]),
        collection("all", ORGS, {"channelConfigPolicy": "/Channel/Application/Endorsement"})], ORGS),
    "outof": ("OutOf(2,'Org1MSP.peer','Org2MSP.member','Org3MSP.peer')", [collection("three", ["Org3MSP"])], ORGS),
    "few": ("OR('Org1MSP.member','Org2MSP.member','Org3MSP.member')", [], ["Org1MSP", "Org2MSP"]),
}


def deploy(net):
    for name, (policy, collections, installed) in CHAINCODES.items():
        folder = net.folder / f"package_{name}"
        folder.mkdir()
        (folder / "connection.json").write_text(json.dumps({"address": f"127.0.0.1:{free_ports(1)[0]}", "dial_timeout": "10s",
                                                            "tls_required": False}))
        (folder / "metadata.json").write_text(json.dumps({"type": "ccaas", "label": name}))
        with tarfile.open(folder / "code.tar.gz", "w:gz") as code:
            code.add(folder / "connection.json", "connection.json")
        package = folder / "package.tar.gz"
        with tarfile.open(package, "w:gz") as whole:
            for part in ("metadata.json", "code.tar.gz"):
                whole.add(folder / part, part)
        package_id = net.cli("org1", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
        definition = ["-C", "mychannel", "-n", name, "--version", "1", "--sequence", "1"]
        if policy:
            definition += ["--signature-policy", policy]
        if collections:
            (folder / "collections.json").write_text(json.dumps(collections))
            definition += ["--collections-config", folder / "collections.json"]
        for org in net.org_names:
            has_it = f"{org.capitalize()}MSP" in installed
            for peer in (n for n in net.names if n.startswith(org) and has_it):
                net.cli(peer, "lifecycle", "chaincode", "install", package)
            net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *definition,
                    *(["--package-id", package_id] if has_it else []))
        net.wait_until("all are at one height", lambda: len({net.height(n) for n in net.names}) == 1)
        net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition,
                *net.peer_flags(*(f"{org}.peer0" for org in net.org_names)))


def field(number, value):
    """One field of a protobuf message, of a string, bytes or small number."""
    if isinstance(value, int):
        return bytes([number << 3, value]) if value else b""
    value = value.encode() if isinstance(value, str) else value
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def principal(dice):
    kind, org = dice.random(), dice.choice(ORGS + ["Org9MSP"] if dice.random() < 0.1 else ORGS)
    if kind < 0.9:
        role = dice.choice([0, 1, 2, 3, 3, 3])  # MEMBER, ADMIN, CLIENT, PEER
        return {"principalClassification": "ROLE", "principal": base64.b64encode(field(1, org) + field(2, role)).decode()}
    unit = dice.choice(["peer", "client", "nobody"])
    return {"principalClassification": "ORGANIZATION_UNIT", "principal": base64.b64encode(field(1, org) + field(2, unit)).decode()}


def rule(dice, count, depth=0):
    if depth == 2 or (depth > 0 and dice.random() < 0.5):
        return {"signedBy": dice.randrange(count + (dice.random() < 0.03))}
    rules = [rule(dice, count, depth + 1) for _ in range(dice.randint(1, 3))]
    return {"nOutOf": {"n": dice.randint(0 if dice.random() < 0.1 else 1, len(rules) + (dice.random() < 0.05)), "rules": rules}}


def key_policy(dice):
    identities = [principal(dice) for _ in range(dice.randint(1, 4))]
    return {"version": 0, "rule": rule(dice, len(identities)), "identities": identities}


def call(dice):
    name = dice.choice(list(CHAINCODES) + (["nosuchchaincode"] if dice.random() < 0.1 else []))
    known = [one["name"] for one in CHAINCODES.get(name, (None, [], []))[1]]
    if dice.random() < 0.05:
        known = known + ["nosuchcollection"]
    return {"name": name, "collectionNames": [one for one in known if dice.random() < 0.4], "noPrivateReads": dice.random() < 0.4,
            "noPublicWrites": dice.random() < 0.3, "disregardNamespacePolicy": dice.random() < 0.25,
            "keyPolicies": [key_policy(dice) for _ in range(dice.choice([0, 0, 0, 1, 1, 2]))]}


def question(dice):
    interest = {"chaincodes": [call(dice) for _ in range(dice.choice([1, 1, 1, 2, 2, 3]))]}
    if dice.random() < 0.15:
        return {"peerQuery": {"filter": interest}}
    return {"ccQuery": {"interests": [interest for _ in range(dice.choice([1, 1, 1, 2]))]}}


def ask(net, name, questions):
    home = net.org("org1") / "users/User1@org1.example.com"
    done = subprocess.run(
        [ours() / "ask_discovery", f"127.0.0.1:{net.ports[name]}", net.peer_tls(name) / "ca.crt", home / "tls/client.crt",
         home / "tls/client.key", "Org1MSP", next((home / "msp/signcerts").iterdir()), next((home / "msp/keystore").iterdir()),
         "mychannel"], input="".join(json.dumps(one) + "\n" for one in questions), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [shape(json.loads(line)) for line in done.stdout.splitlines()]


def shape(answer):
    """What does not depend on names of groups or on order: for each descriptor its chaincode and its layouts, each a list of
    how many of which peers."""
    if isinstance(answer, dict):
        return answer["error"]
    if not answer or "Endpoint" in answer[0]:
        return sorted(one["Endpoint"] for one in answer or [])
    return [(one["Chaincode"], sorted(
        sorted((sorted(peer["Endpoint"] for peer in one["EndorsersByGroups"][group]), count)
               for group, count in layout["quantities_by_group"].items()) for layout in one["Layouts"])) for one in answer]


def compare(net, dice, situation):
    questions = [question(dice) for _ in range(QUESTIONS)]
    mine, theirs = ask(net, OUR_PEER, questions), ask(net, THEIR_PEER, questions)
    for asked, our_answer, their_answer in zip(questions, mine, theirs, strict=True):
        assert our_answer == their_answer, f"{json.dumps(asked)}\nours:   {our_answer}\ntheirs: {their_answer}"
    errors = {str(one).split("{")[0].split(" for ")[0] for one in theirs if isinstance(one, str)}
    answered = sum(not isinstance(one, str) for one in theirs)
    assert answered > QUESTIONS / 10, "hardly anything was answered"
    print(f"ok   {situation}: {answered} answers and {QUESTIONS - answered} errors of {len(errors)} kinds are the same")


def main():
    go = upstream()
    if not (ours() / "ask_discovery").exists():
        skip("ask_discovery is not built")
    seed = int(os.environ.get("SELVAGE_SEED", "1"))
    dice = random.Random(seed)
    print(f"     seed {seed}")
    with tempfile.TemporaryDirectory() as folder, PeerNetwork(
            folder, orgs=3, peers=2, peer_of=lambda name: go / "peer" if name in THEIRS else None) as net:
        net.start()
        net.wait_for_views(5, timeout=60)
        deploy(net)
        everything = [{"ccQuery": {"interests": [{"chaincodes": [{"name": name}]}]}} for name in CHAINCODES]
        everything += [{"peerQuery": {"filter": {"chaincodes": [{"name": name}]}}} for name in CHAINCODES]
        net.wait_until("both peers know what runs where", lambda: ask(net, OUR_PEER, everything) == ask(net, THEIR_PEER, everything)
                       and len(ask(net, OUR_PEER, everything)[-1]) == 4, 60)
        compare(net, dice, "six peers")
        for name in ("org3.peer0", "org3.peer1", "org2.peer1"):
            net.processes[name].stop()
        for name in (OUR_PEER, THEIR_PEER):
            net.wait_until(f"{name} sees two others", lambda: net.metric(name, "gossip_membership_total_peers_known") == 2, 90)
        compare(net, dice, "without an organisation, and one peer of another")


if __name__ == "__main__":
    main()
