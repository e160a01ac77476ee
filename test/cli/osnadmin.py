#!/usr/bin/env python3
"""osnadmin against our orderer: every command, its output and its refusals; where FABRIC_GO_BIN is given each call is made
with upstream's osnadmin too, and against upstream's orderer.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, ours, skip  # noqa: E402

OUR = ours()
GO = pathlib.Path(os.environ["FABRIC_GO_BIN"]) if os.environ.get("FABRIC_GO_BIN") else None


def answers(net, program, folder):
    """(exit code, stdout, stderr) of every call, in order; none changes anything."""
    tls = net.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
    access = ["-o", f"127.0.0.1:{net.ports['admin']}", "--ca-file", net.orderer_ca, "--client-cert", tls / "client.crt",
              "--client-key", tls / "client.key"]
    (folder / "garbage").write_bytes(b"\xff\xff")
    block = folder / "fetched.block"
    calls = [
        ["list"], ["list", "--no-status"], ["list", "-c", "mychannel"], ["list", "-c", "nope"],
        ["join", "-c", "mychannel", "-b", net.block], ["join", "-c", "other", "-b", net.block],
        ["join", "-c", "x", "-b", "/nope"], ["join", "-c", "x", "-b", folder / "garbage"], ["remove", "-c", "nope"],
        ["fetch", "-c", "mychannel", "-b", "newest", "-f", block], ["fetch", "-c", "mychannel", "-b", "0", "-f", block],
        ["fetch", "-c", "mychannel", "-b", "config", "-f", block], ["fetch", "-c", "mychannel", "-b", "x", "-f", block],
        ["fetch", "-c", "nope", "-b", "newest", "-f", block], ["update", "-c", "x", "-e", "/nope"],
        ["update", "-c", "x", "-e", folder / "garbage"], ["list", "x"], ["join", "-c", "x"], ["nope"], ["list", "--nope"],
    ]
    for call in calls:
        done = subprocess.run([str(program), "channel", *map(str, call), *map(str, access)], capture_output=True, text=True, timeout=60)
        yield call, (done.returncode, done.stdout.replace("\u00a0", " "), done.stderr.replace("\u00a0", " "))
        if call[0] == "fetch" and done.returncode == 0 and call[2] == "mychannel":
            assert block.read_bytes()[:60] == net.block.read_bytes()[:60], call
            block.unlink()


def main():
    if not (OUR / "orderer").exists():
        skip(f"{OUR / 'orderer'} is not built")
    for orderer in (OUR, GO):
        if not orderer:
            continue
        with tempfile.TemporaryDirectory() as name, Network(
                name, cryptogen=OUR / "cryptogen", configtxgen=OUR / "configtxgen", orderer=orderer / "orderer",
                peer=OUR / "peer", osnadmin=OUR / "osnadmin") as net:
            net.make_material()
            net.start_orderer()
            joined = net.admin("join", "--channelID", "mychannel", "--config-block", net.block).stdout
            assert joined.startswith("Status: 201\n") and '"consensusRelation": "consenter"' in joined, joined
            net.processes["orderer"].wait_for("Start accepting requests as Raft leader")
            got = list(answers(net, OUR / "osnadmin", pathlib.Path(name)))
            first = dict((" ".join(map(str, call[:3])), answer) for call, answer in got)
            assert first["list"][1].startswith('Status: 200\n{\n\t"systemChannel": null,\n\t"channels": ['), first["list"]
            assert first["list -c nope"][1].startswith("Status: 404\n"), first["list -c nope"]
            assert first["join -c mychannel"][1].startswith("Status: 405\n"), first["join -c mychannel"]
            different = []
            if GO:
                for (call, mine), (_, theirs) in zip(got, answers(net, GO / "osnadmin", pathlib.Path(name))):
                    # Where ours goes on with a remedy, that is after a semicolon.
                    same = mine == theirs or (mine[0] == theirs[0] and re.sub(r";.*", "", mine[1] + mine[2]).strip() ==
                                              (theirs[1] + theirs[2]).strip())
                    if not same:
                        different.append(f"{call}\n  upstream: {theirs}\n  ours:     {mine}")
            assert not different, "\n".join(different)
        print(f"orderer {'ours' if orderer == OUR else 'upstream'}: ok" + (", beside upstream's osnadmin" if GO else ""))


main()
