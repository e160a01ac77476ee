#!/usr/bin/env python3
"""Five orderers under the load of several clients. Two are killed, the leader first: the load goes on. A third one: no
blocks any more, and clients are told why. All come back, catch up, and have the same blocks. Where FABRIC_GO_BIN is given,
once more with two of upstream's among them.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ours, skip  # noqa: E402
from orderers_kit import Orderers, upstream_folder  # noqa: E402

BLOCKS = 20  # that say that the load goes on


def grows(net, i):
    before = net.height(i)
    net.wait(lambda: net.height(i) >= before + BLOCKS, 60, f"{BLOCKS} more blocks of orderer{i}")


def check(kinds, folder):
    everybody = range(len(kinds))
    with Orderers(folder, kinds, options="SnapshotIntervalSize: 200 KB") as net:
        net.start()
        load = subprocess.Popen(net.client("load", everybody, 300), stdout=subprocess.PIPE, text=True)
        try:
            grows(net, 0)
            leader = net.wait_for_leader()
            dead = [leader, (leader + 1) % 5, (leader + 3) % 5]
            alive = [i for i in everybody if i not in dead]
            net.kill(dead[0])
            net.kill(dead[1])
            net.wait(lambda: net.leader() not in (None, leader), 60, "another leader")
            grows(net, alive[0])
            print("two dead, the load goes on")

            net.kill(dead[2])
            net.wait(lambda: all(net.metric(i, "consensus_etcdraft_is_leader") == 0 for i in alive), 60,
                     "the end of a leader without a quorum")
            # Who would forward may not have noticed yet that its leader is gone.
            net.wait(lambda: all("SERVICE_UNAVAILABLE: no Raft leader" in net.send(i) for i in alive), 30,
                     "refusals in Fabric's words")
            heights = [net.height(i) for i in alive]
            print("three dead:", *(net.send(i) for i in alive))
            assert heights == [net.height(i) for i in alive], "a block without a quorum"

            for i in dead:
                net.start_one(i)
            net.wait_for_leader()
            grows(net, dead[0])
        finally:
            load.terminate()
        said, _ = load.communicate(timeout=60)
        print(said.strip())
        assert load.returncode == 0
        net.wait(lambda: len({net.height(i) for i in everybody}) == 1, 60, "equal heights")
        compared = subprocess.run(net.client("compare", everybody, net.height(0)), stdout=subprocess.PIPE, text=True,
                                  timeout=300)
        print(compared.stdout.strip())
        assert compared.returncode == 0


def main():
    if not (ours() / "orderer_client").exists():
        skip("orderer_client is not built")
    sets = ["ours,ours,ours,ours,ours"] + (["ours,theirs,ours,theirs,ours"] if upstream_folder() else [])
    for kinds in [os.environ["SELVAGE_ORDERERS"]] if "SELVAGE_ORDERERS" in os.environ else sets:
        print(kinds)
        with tempfile.TemporaryDirectory() as folder:
            check(kinds.split(","), os.environ.get("SELVAGE_KEEP", folder))


if __name__ == "__main__":
    main()
