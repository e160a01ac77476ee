#!/usr/bin/env python3
"""What a gateway says of a table of faults: code, text and details of our peer's and of upstream's (FABRIC_GO_BIN), asked by one
client of networks that differ in nothing else. Addresses become names, transaction ids TX.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import gateway_kit as kit  # noqa: E402
from network import Network, ours, skip, upstream  # noqa: E402


def calls_of_all():
    """(step, call) while every node works."""
    unknown = ["no such function"]
    yield "evaluate", dict(do="evaluate", arguments=["get", "k"])
    for do in ("evaluate", "endorse", "submit"):
        yield f"{do}: no such function", dict(do=do, arguments=unknown)
        yield f"{do}: no such chaincode", dict(do=do, chaincode="nope", arguments=["get", "k"])
        yield f"{do}: no such channel", dict(do=do, channel="nope", arguments=["get", "k"])
        yield f"{do}: no such organisation", dict(do=do, organizations=["Org9MSP"], arguments=["get", "k"])
        yield f"{do}: no such organisation among others", dict(do=do, organizations=["Org1MSP", "Org9MSP"], arguments=["get", "k"])
        yield f"{do}: a system chaincode that needs an admin", dict(do=do, chaincode="_lifecycle", arguments=["QueryInstalledChaincodes", ""])
        for status in ("399", "400", "404", "500", "501"):
            yield f"{do}: status {status}", dict(do=do, arguments=["status", status])
    yield "submit: too few endorsements", dict(do="submit", organizations=["Org1MSP"], arguments=["put", "k", "1"])
    yield "submit: the other alone", dict(do="submit", organizations=["Org2MSP"], arguments=["put", "k", "1"])
    yield "evaluate: of the other", dict(do="evaluate", organizations=["Org2MSP"], arguments=unknown)
    yield "commit: no such channel", dict(do="commit", channel="nope")
    yield "events: no such channel", dict(do="events", channel="nope")


def calls_of_strangers():
    for do in ("evaluate", "endorse"):
        yield f"{do}: by who may not", dict(do=do, arguments=["get", "k"])
    yield "commit: by who may not", dict(do="commit")
    yield "events: by who may not", dict(do="events")


class Asking:
    def __init__(self, net, folder, given):
        self.net, self.folder, self.said = net, folder, {}
        self.setup = folder / "setup.json"
        stranger = net.crypto / "ordererOrganizations/example.com/users/Admin@example.com/msp"
        self.stranger = folder / "stranger.json"
        self.stranger.write_text(json.dumps({**given, "MSPID": "OrdererMSP", "Certificate": str(next((stranger / "signcerts").iterdir())),
                                             "Key": str(next((stranger / "keystore").iterdir()))}))

    def neutral(self, value):
        text = json.dumps(value)
        for name, port in self.net.ports.items():
            text = re.sub(rf"\b{port}\b", name, text)
        text = re.sub(r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:X", text)  # of chaincode, and our own end
        return json.loads(re.sub(r"\b[0-9a-f]{64}\b", "TX", text))

    def ask(self, calls, setup=None):
        lines = "".join(json.dumps({"step": step, "timeout_ms": 60000, **call}) + "\n" for step, call in calls)
        done = subprocess.run([ours() / "gateway_client", setup or self.setup], input=lines, capture_output=True, text=True, timeout=400)
        for line in done.stdout.splitlines():
            said = json.loads(line)
            step, said = said.pop("step"), self.neutral(said)
            said.get("details", []).sort()
            self.said[step] = said


def listen(folder, programs):
    with Network(folder / "network", **programs, anchors=True) as net:
        net.programs["discover"] = programs["peer"].parent / "discover"
        net.start()
        kit.deploy(net, folder, ours() / "interop_cpp_chaincode")
        kit.wait_for_peers(net)
        asking = Asking(net, folder, json.loads(kit.setup(net, folder).read_text()))
        asking.ask(calls_of_all())
        asking.ask(calls_of_strangers(), asking.stranger)
        net.processes["orderer"].stop(signal.SIGKILL)
        asking.ask([("submit: no orderer", dict(do="submit", arguments=["put", "k", "1"]))])
        net.processes["chaincode cc"].stop(signal.SIGKILL)
        asking.ask([("evaluate: no chaincode", dict(do="evaluate", arguments=["get", "k"]))])
        net.processes["org2"].stop(signal.SIGKILL)
        asking.ask([("endorse: no endorser", dict(do="endorse", organizations=["Org2MSP"], arguments=["put", "k", "1"])),
                    ("evaluate: no endorser", dict(do="evaluate", organizations=["Org2MSP"], arguments=["get", "k"]))])
        return asking.said


def main():
    theirs = upstream()
    names = ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")
    for program in [ours() / name for name in (*names, "gateway_client", "interop_cpp_chaincode", "discover")]:
        if not program.exists():
            skip(f"no {program}")
    # Short, so that what waits for a chaincode that is gone ends; the same for both.
    os.environ.update(CORE_CHAINCODE_STARTUPTIMEOUT="5s", CORE_PEER_GATEWAY_DIALTIMEOUT="5s")
    said = {}
    for name, folder_of in (("ours", ours()), ("upstream's", theirs)):
        with tempfile.TemporaryDirectory() as folder:
            said[name] = listen(pathlib.Path(folder), {program: folder_of / program for program in names})
    for step, words in said["upstream's"].items():
        kit.check(step, said["ours"].get(step) == words, f"ours:       {said['ours'].get(step)}\n     upstream's: {words}")
    kit.check("all steps were heard", said["ours"].keys() == said["upstream's"].keys(), said["ours"].keys() ^ said["upstream's"].keys())
    sys.exit(1 if kit.failures else 0)


if __name__ == "__main__":
    main()
