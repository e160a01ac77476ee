#!/usr/bin/env python3
"""Three orderers under the load of several clients, and kill -9 of a random one every few seconds: afterwards all have the
same blocks, and each transaction that a client saw in a block is in all of them, once.

SELVAGE_SECONDS=180 for a longer run (default 12), SELVAGE_SEED repeats the choices, SELVAGE_ORDERERS=ours,ours,theirs mixes.
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ours, skip  # noqa: E402
from orderers_kit import Orderers, upstream_folder  # noqa: E402


def main():
    kinds = os.environ.get("SELVAGE_ORDERERS", "ours,ours,ours").split(",")
    seconds = int(os.environ.get("SELVAGE_SECONDS", "12"))
    seed = int(os.environ.get("SELVAGE_SEED", time.time_ns() % 1_000_000))
    if "theirs" in kinds and not upstream_folder():
        skip("FABRIC_GO_BIN names no folder with Fabric's programs")
    if not (ours() / "orderer_client").exists():
        skip("orderer_client is not built")
    print(f"SELVAGE_SEED={seed}")
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.environ.get("SELVAGE_KEEP", temporary)
        with Orderers(folder, kinds, options="SnapshotIntervalSize: 200 KB") as net:
            net.start()
            nodes = range(len(kinds))
            load = subprocess.Popen(net.client("load", nodes, seconds), stdout=subprocess.PIPE, text=True)
            until = time.monotonic() + seconds - 2
            kills = 0
            while time.monotonic() < until and load.poll() is None:
                victim = chance.randrange(len(kinds))
                time.sleep(chance.uniform(1, 3))  # how long the cluster lives between two kills
                net.kill(victim)
                kills += 1
                time.sleep(chance.uniform(0, 1))  # how long the victim is dead
                net.start_one(victim)
            said, _ = load.communicate(timeout=seconds + 60)
            print(said.strip())
            assert load.returncode == 0
            net.wait_for_leader()
            net.wait(lambda: len({net.height(i) for i in nodes}) == 1 and net.height(0) > 1, 60, "equal heights")
            done = subprocess.run(net.client("compare", nodes, net.height(0)), stdout=subprocess.PIPE, text=True, timeout=300)
            print(f"{kills} kills: {done.stdout.strip()}")
            assert done.returncode == 0


if __name__ == "__main__":
    main()
