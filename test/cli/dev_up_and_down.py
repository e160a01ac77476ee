#!/usr/bin/env python3
"""`./dev up` makes a network that works; `./dev down` stops it in time; the next `up` finds the data again."""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import PORTS, ROOT, ours  # noqa: E402

SCRIPT = ROOT / "scripts" / "network"
loader = importlib.machinery.SourceFileLoader("dev_network", str(SCRIPT))
dev_network = importlib.util.module_from_spec(importlib.util.spec_from_loader("dev_network", loader))
loader.exec_module(dev_network)


def ten_free_ports():
    """The first of ten neighbouring ports that nobody listens on."""
    return PORTS.take_row(10)


def run(folder, ports, command, *more):
    begin = time.monotonic()
    done = subprocess.run([str(SCRIPT), command, "--bin", str(ours()), "--folder", str(folder), "--ports", str(ports), *more],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout, time.monotonic() - begin


def main():
    with tempfile.TemporaryDirectory() as folder:
        ports = ten_free_ports()
        net = dev_network.Network(pathlib.Path(folder).resolve(), [ours().resolve()], ours().resolve() / "basic_chaincode", ports)
        try:
            said, took = run(folder, ports, "up", "--fresh")
            assert said.count("read   ") == 2, said
            print(f"up --fresh took {took:.1f} s")
            asset = json.loads(next(line for line in said.splitlines() if line.startswith("read")).split("org1: ")[1])["id"]

            said, took = run(folder, ports, "down")
            assert "stopped 4 programs" in said and "killed" not in said, said
            assert took < 6, f"down took {took:.1f} s"

            said, took = run(folder, ports, "up")
            assert "making keys" not in said and "joining" not in said and "installing" not in said, said
            print(f"up again took {took:.1f} s")
            for org in ("org1", "org2"):
                answer = net.peer(org, "chaincode", "query", "-C", "mychannel", "-n", "basic", "-c",
                                  json.dumps({"function": "read", "Args": [asset]}))[0]
                assert json.loads(answer)["value"] == "42", answer

            profile = json.loads((pathlib.Path(folder) / "connection.json").read_text())
            for node in [*profile["peers"].values(), *profile["orderers"].values()]:
                assert pathlib.Path(node["tlsCACerts"]["path"]).exists()
        finally:
            net.down()
    print("the network of dev up starts, stops and comes up again with its data")


if __name__ == "__main__":
    main()
