#!/usr/bin/env python3
"""What `peer` says before it talks to anybody: help of every command, usage after wrong calls, shell completion.

Where FABRIC_GO_BIN is given, word for word upstream's; without it, that every command has a help and every wrong call an
error and a usage.
"""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, ours, skip  # noqa: E402

OURS = ours() / "peer"
THEIRS = pathlib.Path(os.environ["FABRIC_GO_BIN"]) / "peer" if os.environ.get("FABRIC_GO_BIN") else None
WRONG = ["chanel", "snapshots", "nope", "channel nope", "help", "help channel join", "help nope", "help channel nope", "channel --nope",
         "-x", "--version", "version x", "completion", "completion nope", "completion bash x", "channel join -b", "lifecycle nope",
         "channel list --connTimeout x", "channel list --tls=maybe", "snapshot submitrequest -b -1", "snapshot submitrequest -b x",
         "chaincode nope", "node nope", "node rollback -b x", "node pause --nope"]
# "_" is an empty word.
TYPED = ["_", "chan", "channel _", "channel jo", "channel x", "channel list _", "channel list x", "channel join -", "channel join -b _",
         "channel join --block", "node _", "node rollback -", "completion _", "completion b", "help _", "help ch", "help channel _",
         "lifecycle chaincode c", "channel --cafile x j", "channel --cafile=x j", "chaincode invoke --peerAddresses _", "channel -o x jo",
         "snapshot _", "lifecycle chaincode approveformyorg --s"]


def call(program, words):
    done = subprocess.run([str(program), *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={**os.environ, "FABRIC_CFG_PATH": str(ROOT / "config")})
    return done.returncode, done.stdout, done.stderr


def commands(above=()):
    yield above
    listed = re.search(r"Available Commands:\n(.*?)\n\n", call(OURS, [*above, "--help"])[1], re.S)
    for line in listed.group(1).splitlines() if listed else []:
        if line.split()[0] != "help":
            yield from commands((*above, line.split()[0]))


def main():
    if not OURS.exists():
        skip(f"{OURS} is not built")
    every = list(commands())
    assert len(every) >= 40 and ("node", "rollback") in every and ("snapshot", "listpending") in every, every
    calls = [[*command, "--help"] for command in every] + [words.split() for words in WRONG]
    for words in TYPED:
        typed = ["" if word == "_" else word for word in words.split()]
        calls += [["__complete", *typed], ["__completeNoDesc", *typed]]
    different = []
    for words in calls:
        got = call(OURS, words)
        if words[-1] == "--help":
            assert got[0] == 0 and "Usage:\n  peer" in got[1] and "--help" in got[1], (words, got)
        if THEIRS and (wanted := call(THEIRS, words)) != got:
            different.append(f"{words}\n  upstream: {wanted}\n  ours:     {got}")
    assert not different, "\n".join(different)

    assert call(OURS, ["chanel"])[2].startswith('Error: unknown command "chanel" for "peer"\n\nDid you mean this?\n\tchannel\n')
    assert call(OURS, ["__complete", "channel", "jo"])[1].startswith("join\tJoins the peer to a channel.\n")
    for shell in ("bash", "zsh", "fish", "powershell"):
        code, script, _ = call(OURS, ["completion", shell])
        assert code == 0 and "__complete" in script and "peer" in script, shell
    completed = subprocess.run(
        ["bash", "-c", 'source <("$0" completion bash); peer() { "$PEER" "$@"; }; COMP_WORDS=(peer channel jo); COMP_CWORD=2; '
                       '_peer_complete; echo "${COMPREPLY[@]}"', str(OURS)],
        capture_output=True, text=True, env={**os.environ, "PEER": str(OURS), "FABRIC_CFG_PATH": str(ROOT / "config")})
    assert completed.stdout == "join joinbysnapshot joinbysnapshotstatus\n", completed
    print(f"{len(calls)} calls" + (", word for word upstream's" if THEIRS else "; FABRIC_GO_BIN not given: not compared"))


main()
