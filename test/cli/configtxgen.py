#!/usr/bin/env python3
"""configtxgen: blocks of raft and BFT profiles, creation transactions and organisations; each also beside upstream's, where
FABRIC_GO_BIN is given. Where upstream panics ours ends with exit code 1 and the same words.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import CRYPTO, ROOT, configtx, ours  # noqa: E402

OURS = ours()
THEIRS = pathlib.Path(os.environ["FABRIC_GO_BIN"]) if os.environ.get("FABRIC_GO_BIN") else None
PROFILE = ["-profile", "TwoOrgs", "-channelID", "mychannel"]


def said(stderr):
    """The last line, without colour, time and function."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stderr).replace("\u00a0", " ").strip().splitlines()
    lines = [re.sub(r"^.*\] \S* ?-> ", "", line) for line in lines if "] " in line and " -> " in line]
    return lines[-1] if lines else ""


def call(folder, where, *arguments, program="configtxgen"):
    return subprocess.run([str(where / program), *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                          timeout=60, env={**os.environ, "FABRIC_CFG_PATH": str(folder)})


def without_chance(tree):
    """Less what differs between two runs: time and nonce, and what follows from them."""
    if isinstance(tree, dict):
        chance = ("timestamp", "tx_id", "nonce", "data_hash", "previous_hash")
        return {k: without_chance(v) for k, v in tree.items() if k not in chance}
    return [without_chance(item) for item in tree] if isinstance(tree, list) else tree


def made(folder, where, flag, file, kind, profile=PROFILE):
    """(exit code, what was made, last words)"""
    (folder / file).unlink(missing_ok=True)
    done = call(folder, where, *profile, flag, file)
    tree = None
    if (folder / file).exists():
        shown = call(folder, OURS, "proto_decode", "--type", kind, "--input", file, program="configtxlator")
        tree = without_chance(json.loads(shown.stdout))
    return done.returncode, tree, said(done.stderr)


def bft(base, crypto, count, options=True):
    home = crypto / "ordererOrganizations/example.com/orderers/orderer.example.com"
    cert = home / "tls/server.crt"
    consenters = "".join(
        f"        - {{ID: {i + 1}, Host: h{i}, Port: {7050 + i}, MSPID: OrdererMSP, Identity: {home}/msp/signcerts/"
        f"orderer.example.com-cert.pem, ClientTLSCert: {cert}, ServerTLSCert: {cert}}}\n" for i in range(count))
    smart = "      SmartBFT: {RequestBatchMaxInterval: 200ms, RequestPoolSize: 100, SyncOnStart: true, DecisionsPerLeader: 4}\n"
    mapping = "      ConsenterMapping:\n" + consenters if count else "      ConsenterMapping: []\n"
    return base.replace("      OrdererType: etcdraft\n", "      OrdererType: BFT\n" + mapping + (smart if options else ""))


def cases(folder, crypto):
    """(name, configtx.yaml, what a refusal says)"""
    base = configtx(crypto, 7050)
    four = bft(base, crypto, 4)
    v2 = four.replace("Capabilities: {V3_0: true}", "Capabilities: {V2_0: true}")
    return [
        ("raft", base, ""),
        ("one BFT consenter, no options", bft(base, crypto, 1, False), ""),
        ("four BFT consenters", four, ""),
        ("seven BFT consenters", bft(base, crypto, 7), ""),
        ("a consortium", base.replace("  TwoOrgs:\n", "  TwoOrgs:\n    Consortium: C\n"), ""),
        ("no BFT consenter", bft(base, crypto, 0), "BFT configuration did not specify any consenter"),
        ("no host", four.replace("Host: h1, ", ""), "consenter info in BFT configuration did not specify host"),
        ("no MSP", four.replace("MSPID: OrdererMSP, ", "", 1), "consenter info in BFT configuration did not specify MSP ID"),
        ("no identity", re.sub(r"Identity: \S+, ", "", four, count=1),
         "consenter info in BFT configuration did not specify identity certificate"),
        ("no such file", re.sub(r"Identity: \S+,", "Identity: /nope,", four, count=1),
         "Error on outputBlock: could not create bootstrapper: could not create channel group: could not create orderer "
         "group: cannot load consenter config for orderer type BFT: cannot load identity for consenter h0:7050: open /nope: "
         "no such file or directory"),
        ("BFT without V3_0", v2, "Error on outputBlock: could not create bootstrapper: could not create channel group: could "
         "not create orderer group: orderer type BFT must be used with V3_0 channel capability: map[V2_0:true]"),
        ("no such type", base.replace("OrdererType: etcdraft", "OrdererType: paxos"), "unknown orderer type: paxos"),
    ]


def sample_folder(folder, crypto):
    """config/configtx.yaml with files where it names some."""
    samples = folder / "samples"
    shutil.copytree(crypto / "peerOrganizations/org1.example.com/msp", samples / "msp")
    tls = crypto / "ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt"
    for i in range(4):
        for kind in ("ClientTLSCert", "ServerTLSCert"):
            (samples / "path/to").mkdir(parents=True, exist_ok=True)
            shutil.copy(tls, samples / f"path/to/{kind}{i}")
    shutil.copy(tls, samples / "path/to/identity")
    text = (ROOT / "config/configtx.yaml").read_text()
    (samples / "configtx.yaml").write_text(text.replace("/path/to/identity", "path/to/identity"))
    return samples


def check_samples(folder):
    """Every profile that users know from Fabric's own configtx.yaml."""
    only_creation = "SampleSingleMSPChannel"
    names = ["SampleAppChannelEtcdRaft", "SampleAppChannelSmartBft", "SampleDevModeEtcdRaft", only_creation, "SampleSingleMSPSolo",
             "SampleInsecureSolo", "SampleDevModeSolo", "SampleAppChannelInsecureSolo"]
    for name in names:
        profile = ["-profile", name, "-channelID", "sample"]
        what = ("-outputCreateChannelTx", "t", "common.Envelope") if name == only_creation else ("-outputBlock", "b", "common.Block")
        code, tree, words = made(folder, OURS, *what, profile)
        assert code == 0 and tree, f"{name}: {words}"
        if THEIRS:
            assert (code, tree) == made(folder, THEIRS, *what, profile)[:2], name
    refusal = made(folder, OURS, "-outputBlock", "b", "common.Block", ["-profile", only_creation, "-channelID", "sample"])
    assert refusal[0] == 1 and "missing orderer section" in refusal[2], refusal


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        crypto = folder / "crypto"
        (folder / "crypto-config.yaml").write_text(CRYPTO)
        assert call(folder, OURS, "generate", "--config", "crypto-config.yaml", "--output", crypto, program="cryptogen").returncode == 0
        for case, text, refusal in cases(folder, crypto):
            (folder / "configtx.yaml").write_text(text)
            code, block, words = made(folder, OURS, "-outputBlock", "b", "common.Block")
            assert (code, words) == (1, refusal) if refusal else code == 0, f"{case}: {code} {words}"
            creation = made(folder, OURS, "-outputCreateChannelTx", "t", "common.Envelope")
            if case == "a consortium":
                assert creation[0] == 0 and creation[1]["payload"]["data"]["config_update"]["channel_id"] == "mychannel"
            if case == "four BFT consenters":
                orderer = block["data"]["data"][0]["payload"]["data"]["config"]["channel_group"]["groups"]["Orderer"]
                rule = orderer["policies"]["BlockValidation"]["policy"]["value"]["rule"]["n_out_of"]
                assert rule["n"] == 3 and len(rule["rules"]) == 4, rule
                assert len(orderer["values"]["Orderers"]["value"]["consenter_mapping"]) == 4
            if THEIRS:
                wanted = made(folder, THEIRS, "-outputBlock", "b", "common.Block")
                assert (code > 0, block) == (wanted[0] > 0, wanted[1]), case
                assert words == wanted[2] or "unset" in words + wanted[2], f"{case}: {words} / {wanted[2]}"
                other = made(folder, THEIRS, "-outputCreateChannelTx", "t", "common.Envelope")
                assert (creation[0] > 0, *creation[1:]) == (other[0] > 0, *other[1:]), f"{case}: {creation} / {other}"
        check_samples(sample_folder(folder, crypto))
        (folder / "configtx.yaml").write_text(configtx(crypto, 7050))
        calls = [["-printOrg", "Org1"], ["-printOrg", "OrdererOrg"], ["-printOrg", "Nope"], ["-inspectBlock", "configtx.yaml"],
                 ["-inspectChannelCreateTx", "nope"], ["-inspectChannelCreateTx", "configtx.yaml"], ["-outputBlock", "x"],
                 ["-outputBlock", "x", "-channelID", "c"], ["-outputCreateChannelTx", "x"], [], ["-bogus"], ["-help"]]
        for arguments in calls:
            got = call(folder, OURS, *arguments)
            if arguments == ["-printOrg", "Org1"]:
                assert json.loads(got.stdout)["values"]["MSP"]["value"]["config"]["name"] == "Org1MSP"
            if THEIRS:
                wanted = call(folder, THEIRS, *arguments)
                assert (got.returncode, got.stdout, said(got.stderr)) == (wanted.returncode, wanted.stdout, said(wanted.stderr)), \
                    f"{arguments}: {got} / {wanted}"
    print("beside upstream's" if THEIRS else "FABRIC_GO_BIN not given: held against golden answers only")


main()
