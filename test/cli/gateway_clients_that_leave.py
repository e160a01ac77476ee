#!/usr/bin/env python3
"""Clients of a gateway that go away in the middle of each of its five calls leave nothing behind: their places in
peer.limits.concurrency.gatewayService are free again, and the peer holds no descriptor more than before. While all places are
taken another client is refused in Fabric's words. With FABRIC_GO_BIN the same words are heard of upstream's peer.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import gateway_kit as kit  # noqa: E402

PLACES = 3
FULL = f"too many requests for /gateway.Gateway, exceeding concurrency limit ({PLACES})"


class Leavers:
    """As many clients as there are places, each in one call that does not end."""

    def __init__(self, setup, call):
        self.clients = []
        for _ in range(PLACES):
            client = subprocess.Popen([kit.ours() / "gateway_client", setup], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
            # Over and over: a client that found all places taken, by the probe below, asks again.
            client.stdin.write((json.dumps({"step": "", **call}) + "\n") * 200)
            client.stdin.flush()
            self.clients.append(client)

    def go_away(self):
        for client in self.clients:
            client.kill()
            client.wait()
            client.stdout.close()
            client.stdin.close()


def ask(setup, **call):
    done = subprocess.run([kit.ours() / "gateway_client", setup], input=json.dumps({"step": "", **call}) + "\n",
                          capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def wait(until, what, timeout=60):
    deadline = time.monotonic() + timeout
    while not (found := until()):
        if time.monotonic() > deadline:
            kit.check(what, False, "not within a minute")
            return None
        time.sleep(0.05)  # between two questions; what counts is the deadline
    return found


def descriptors(process):
    return len(os.listdir(f"/proc/{process.popen.pid}/fd"))


def check_call(net, setup, call, stopped=None):
    """`stopped`: a process that must not answer meanwhile, so that the call stays on its way."""
    name = call["do"]
    if stopped:
        stopped.popen.send_signal(signal.SIGSTOP)
    leavers = Leavers(setup, call)
    try:
        # CommitStatus of what never was: an answer that needs neither chaincode nor orderer.
        probe = dict(do="commit", timeout_ms=300)
        said = wait(lambda: (got := ask(setup, **probe)).get("error") == FULL and got, f"{name}: all places are taken")
        if said:
            kit.check(f"{name}: refused in Fabric's words", said["code"] == "Unknown", said)
    finally:
        leavers.go_away()
        if stopped:
            stopped.popen.send_signal(signal.SIGCONT)
    wait(lambda: ask(setup, do="evaluate", arguments=["get", "k"]).get("answer") == "1", f"{name}: the places are free again")


def use(net, folder, given):
    setup = folder / "setup.json"
    kit.check("a transaction", "answer" in ask(setup, do="submit", arguments=["put", "k", "1"]))
    peer, orderer, chaincode = net.processes["org1"], net.processes["orderer"], net.processes["chaincode cc"]
    before = descriptors(peer)
    check_call(net, setup, dict(do="evaluate", arguments=["get", "k"]), chaincode)
    check_call(net, setup, dict(do="endorse", arguments=["put", "k", "1"]), chaincode)
    check_call(net, setup, dict(do="submit", arguments=["put", "k", "1"]), orderer)
    check_call(net, setup, dict(do="commit"))
    check_call(net, setup, dict(do="events"))
    wait(lambda: descriptors(peer) <= before, "no descriptor is left behind")


os.environ["CORE_PEER_LIMITS_CONCURRENCY_GATEWAYSERVICE"] = str(PLACES)
if not (kit.ours() / "gateway_client").exists():
    kit.skip("gateway_client is not built")
kit.run_with(use)
