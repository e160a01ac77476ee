#!/usr/bin/env python3
"""`discover`, ours and Fabric's, against our peers: the same JSON, errors and exit codes; a file that one saves the other
reads. Needs FABRIC_GO_BIN."""
import json
import pathlib
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "interop"))
import gateway_kit as kit  # noqa: E402

theirs = kit.upstream() / "discover"
mine = kit.ours() / "discover"
for program in (theirs, mine):
    if not program.exists():
        kit.skip(f"no {program}")


def use(net, folder, given):
    def ask(program, *words, user="User1"):
        home = net.org("org1") / f"users/{user}@org1.example.com"
        who = ["--peerTLSCA", given["TLSRoot"], "--tlsCert", given["TLSCertificate"], "--tlsKey", given["TLSKey"], "--MSP", "Org1MSP",
               "--userCert", next((home / "msp/signcerts").iterdir()), "--userKey", next((home / "msp/keystore").iterdir())]
        return subprocess.run(list(map(str, [program, *who, *words])), capture_output=True, text=True, timeout=60, cwd=folder)

    at = ["--server", given["Address"]]
    channel = [*at, "--channel", "mychannel"]
    for name, words, user, shape in [
            ("peers of a channel", ["peers", *channel], "User1", lambda x: x),
            ("local peers", ["peers", *at], "Admin", lambda x: x),
            ("configuration", ["config", *channel], "User1", lambda x: x),
            ("endorsers", ["endorsers", *channel, "--chaincode", "cc"], "User1", kit.groups_by_members),
            ("endorsers of _lifecycle", ["endorsers", *channel, "--chaincode", "_lifecycle"], "User1", kit.groups_by_members),
            ("two chaincodes", ["endorsers", *channel, "--chaincode", "cc", "--chaincode", "_lifecycle"], "User1", kit.groups_by_members)]:
        one, other = ask(theirs, *words, user=user), ask(mine, *words, user=user)
        good = one.returncode == other.returncode == 0
        check_json = lambda text: kit.in_any_order(shape(json.loads(text)))
        kit.check(name, good and check_json(one.stdout) == check_json(other.stdout), one.stdout + one.stderr[-500:] + other.stdout + other.stderr)
    for name, words in [
            ("local peers are for administrators", ["peers", *at]),
            ("a channel that does not exist", ["config", *at, "--channel", "nosuchchannel"]),
            ("a chaincode that does not exist", ["endorsers", *channel, "--chaincode", "nope"]),
            ("no server", ["peers"]), ("no channel", ["config", *at]),
            ("a collection of an unnamed chaincode", ["endorsers", *channel, "--chaincode", "cc", "--collection", "x:y"])]:
        one, other = ask(theirs, *words), ask(mine, *words)
        kit.check(name, one.returncode == other.returncode == 1 and one.stderr.splitlines()[-1] == other.stderr.splitlines()[-1],
                  one.stderr[-500:] + other.stderr)
    for writer, reader in ((theirs, mine), (mine, theirs)):
        (folder / "saved.yaml").unlink(missing_ok=True)
        ask(writer, "--configFile", "saved.yaml", "saveConfig")
        read = subprocess.run([reader, "--configFile", "saved.yaml", "peers", *channel], capture_output=True, text=True, cwd=folder)
        kit.check(f"a saved file is read by {'ours' if reader is mine else 'theirs'}", read.returncode == 0, read.stderr[-500:])


kit.run_with(use)
