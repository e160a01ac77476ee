#!/usr/bin/env python3
"""A channel is changed as Fabric's test-network does it, by public commands only: fetch the configuration, decode it, edit
the JSON, encode, compute the update, wrap it, sign it by the organisations, submit it.

A new anchor peer; new batch parameters; a new organisation, whose peer then joins and endorses. What too few have signed is
refused. Nodes and tools are each ours or, where FABRIC_GO_BIN is given, upstream's too.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import CRYPTO, Network, Process, free_ports, ours, skip  # noqa: E402

CHANNEL = ["-c", "mychannel"]
BASIC = ["-C", "mychannel", "-n", "basic"]


def expect(text, *wanted):
    for part in wanted:
        assert part in text, f"no '{part}' in:\n{text}"


def translate(net, verb, kind, content):
    done = subprocess.run([str(net.programs["configtxlator"]), verb, "--type", kind], input=content, capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_orderer(net):
    """The environment of the orderer organisation's admin."""
    return dict(CORE_PEER_LOCALMSPID="OrdererMSP", CORE_PEER_MSPCONFIGPATH=net.crypto /
                "ordererOrganizations/example.com/users/Admin@example.com/msp")


def config_of(net):
    block = net.folder / "config_block.pb"
    net.cli("org1", "channel", "fetch", "config", block, *CHANNEL, *net.orderer_flags("org1"))
    tree = json.loads(translate(net, "proto_decode", "common.Block", block.read_bytes()))
    return tree["data"]["data"][0]["payload"]["data"]["config"]


def make_update(net, edit):
    """The envelope of the update that `edit` makes of the channel's configuration, unsigned."""
    config = config_of(net)
    before, after, update = (net.folder / f"{name}.pb" for name in ("before", "after", "update"))
    before.write_bytes(translate(net, "proto_encode", "common.Config", json.dumps(config).encode()))
    edit(config["channel_group"]["groups"])
    after.write_bytes(translate(net, "proto_encode", "common.Config", json.dumps(config).encode()))
    net.run("configtxlator", "compute_update", "--channel_id", "mychannel", "--original", before, "--updated", after,
            "--output", update)
    tree = json.loads(translate(net, "proto_decode", "common.ConfigUpdate", update.read_bytes()))
    envelope = {"payload": {"header": {"channel_header": {"channel_id": "mychannel", "type": 2}},
                            "data": {"config_update": tree}}}
    file = net.folder / "update_in_envelope.pb"
    file.write_bytes(translate(net, "proto_encode", "common.Envelope", json.dumps(envelope).encode()))
    return file


def submit(net, file, *signers, check=True):
    """Signed by all, submitted by the last; "orderer" is the orderer organisation's admin."""
    *others, last = signers
    for signer in others:
        who = dict(org="org1", **as_orderer(net)) if signer == "orderer" else dict(org=signer)
        net.cli(who.pop("org"), "channel", "signconfigtx", "-f", file, **who)
    more = as_orderer(net) if last == "orderer" else {}
    org = "org1" if last == "orderer" else last
    before = config_of(net)["sequence"]
    done = net.cli(org, "channel", "update", "-f", file, *CHANNEL, *net.orderer_flags(org), check=check, **more)
    if done.returncode == 0:
        expect(done.stderr, "Successfully submitted channel update")
        deadline = time.monotonic() + 30  # the orderer says yes before the block is made
        while config_of(net)["sequence"] == before:
            assert time.monotonic() < deadline, f"the configuration stays at sequence {before}"
    return done


def height(net, org="org1"):
    info = net.cli(org, "channel", "getinfo", *CHANNEL).stdout
    return json.loads(info.removeprefix("Blockchain info: "))["height"]


def start_chaincode(net, org):
    """Packed, installed and started for one organisation; gives its process and package id."""
    port, tls = free_ports(1)[0], net.peer_tls(org)
    package = net.folder / f"{org}.tar.gz"
    made = subprocess.run([str(ours() / "selvage"), "package", "ccaas", "--label", "basic_1", "--address",
                           f"127.0.0.1:{port}", "--root-cert", str(tls / "ca.crt"), "--client-cert",
                           str(tls / "server.crt"), "--client-key", str(tls / "server.key"), "--output", str(package)],
                          check=True, capture_output=True, text=True)
    package_id = made.stdout.strip()
    net.cli(org, "lifecycle", "chaincode", "install", package)
    env = {**os.environ, "CHAINCODE_ID": package_id, "CORE_CHAINCODE_ID_NAME": package_id,
           "CHAINCODE_SERVER_ADDRESS": f"127.0.0.1:{port}", "CHAINCODE_TLS_CERT": str(tls / "server.crt"),
           "CHAINCODE_TLS_KEY": str(tls / "server.key"), "CHAINCODE_CLIENT_CA_CERT": str(tls / "ca.crt")}
    name = f"basic-{org}"
    net.processes[name] = Process(name, [str(ours() / "basic_chaincode")], env, net.folder)
    return package_id


def approve(net, org, package_id):
    done = net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *BASIC, "-v", "1.0",
                   "--sequence", "1", "--package-id", package_id)
    expect(done.stderr, "committed with status (VALID) at")


def invoke(net, by, endorsers, key, check=True):
    return net.cli(by, "chaincode", "invoke", *net.orderer_flags(by), *net.peer_flags(*endorsers), *BASIC, "-c",
                   json.dumps({"Args": ["put", key, f"{key} by {by}"]}), "--waitForEvent", check=check)


def anchor_peer(net):
    def edit(groups):
        groups["Application"]["groups"]["Org1"]["values"]["AnchorPeers"] = {
            "mod_policy": "Admins", "version": "0",
            "value": {"anchor_peers": [{"host": "127.0.0.1", "port": net.ports["org1"]}]}}

    file = make_update(net, edit)
    content = file.read_bytes()
    refused = submit(net, file, "org2", check=False)
    assert refused.returncode == 1
    expect(refused.stderr, "Error: got unexpected status: BAD_REQUEST -- error applying config update to existing channel "
           "'mychannel': error authorizing update: error validating DeltaSet: ")
    file.write_bytes(content)
    submit(net, file, "org1")
    anchors = config_of(net)["channel_group"]["groups"]["Application"]["groups"]["Org1"]["values"]["AnchorPeers"]
    assert anchors["value"]["anchor_peers"] == [{"host": "127.0.0.1", "port": net.ports["org1"]}], anchors


def batch_parameters(net):
    def edit(groups):
        groups["Orderer"]["values"]["BatchSize"]["value"]["max_message_count"] = 1
        groups["Orderer"]["values"]["BatchTimeout"]["value"]["timeout"] = "5s"

    submit(net, make_update(net, edit), "orderer")
    before = height(net)
    for key in ("a", "b", "c"):
        invoke(net, "org1", ["org1", "org2"], key)  # far within the 5 s: each is a block of its own
    assert height(net) == before + 3, (before, height(net))


def new_organisation(net):
    net.ports.update(zip(("org3", "org3_ops", "org3_cc"), free_ports(3)))
    third = CRYPTO.split("PeerOrgs:")[1].split("- Name: Org2")[0].replace("Org1", "Org3").replace("org1", "org3")
    (net.folder / "org3-crypto.yaml").write_text("PeerOrgs:" + third.rstrip().rstrip("-"))
    net.run("cryptogen", "generate", "--config", "org3-crypto.yaml", "--output", net.crypto)
    (net.folder / "org3").mkdir()
    roles = {"Readers": "'Org3MSP.admin', 'Org3MSP.peer', 'Org3MSP.client'", "Admins": "'Org3MSP.admin'",
             "Writers": "'Org3MSP.admin', 'Org3MSP.client'", "Endorsement": "'Org3MSP.peer'"}
    (net.folder / "org3" / "configtx.yaml").write_text(
        f"Organizations:\n  - &Org3\n    Name: Org3\n    ID: Org3MSP\n    MSPDir: {net.org('org3')}/msp\n    Policies:\n" +
        "".join(f"      {name}: {{Type: Signature, Rule: \"OR({rule})\"}}\n" for name, rule in roles.items()))
    definition = json.loads(net.run("configtxgen", "-configPath", net.folder / "org3", "-printOrg", "Org3").stdout)

    def edit(groups):
        groups["Application"]["groups"]["Org3"] = definition

    file = make_update(net, edit)
    content = file.read_bytes()
    assert submit(net, file, "org1", check=False).returncode == 1  # MAJORITY of two is two
    file.write_bytes(content)
    submit(net, file, "org1", "org2")

    # From here on the orderer believes Org3's TLS certificates too.
    net.start_peer("org3")
    genesis = net.folder / "org3.block"
    net.cli("org3", "channel", "fetch", "0", genesis, *CHANNEL, *net.orderer_flags("org3"))
    net.cli("org3", "channel", "join", "-b", genesis)
    net.processes["org3"].wait_for(r"\[mychannel\] Committed block \[%d\]" % (height(net) - 1))
    approve(net, "org3", start_chaincode(net, "org3"))
    expect(net.cli("org3", "lifecycle", "chaincode", "querycommitted", *BASIC).stdout, "Org3MSP: true")
    put = invoke(net, "org3", ["org3", "org1"], "d")
    expect(put.stderr, "Chaincode invoke successful. result: status:200")
    for org in ("org1", "org2", "org3"):
        got = net.cli(org, "chaincode", "query", *BASIC, "-c", '{"Args":["get","d"]}').stdout
        assert got == "d by org3\n" or org == "org2", got  # Org2's peer was not waited for
    alone = invoke(net, "org3", ["org3"], "e", check=False)
    expect(alone.stderr, "ENDORSEMENT_POLICY_FAILURE")


def run(nodes, tools, cli):
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=tools / "cryptogen", configtxgen=tools / "configtxgen", orderer=nodes / "orderer",
            peer=nodes / "peer", osnadmin=tools / "osnadmin", cli=cli / "peer") as net:
        net.programs["configtxlator"] = tools / "configtxlator"
        net.start()
        anchor_peer(net)
        for org in ("org1", "org2"):
            approve(net, org, start_chaincode(net, org))
        committed = net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"),
                            *net.peer_flags("org1", "org2"), *BASIC, "-v", "1.0", "--sequence", "1")
        assert committed.stderr.count("committed with status (VALID) at") == 2, committed.stderr
        batch_parameters(net)
        new_organisation(net)


def main():
    our = ours()
    for program in ("orderer", "peer", "basic_chaincode"):
        if not (our / program).exists():
            skip(f"{our / program} is not built")
    run(our, our, our)
    print("nodes and tools ours: ok")
    go = os.environ.get("FABRIC_GO_BIN")
    if not go:
        print("FABRIC_GO_BIN names no folder with Fabric's programs: no mixes")
        return
    go = pathlib.Path(go)
    for name, parts in {"nodes upstream's": (go, our, our), "tools and CLI upstream's": (our, go, go)}.items():
        run(*parts)
        print(f"{name}: ok")


if __name__ == "__main__":
    main()
