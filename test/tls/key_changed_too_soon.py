#!/usr/bin/env python3
"""What `selvage rotate orderer` is there to prevent: an orderer is restarted with another TLS key before its channels name it. It
only follows them then, and its Raft log stays: with the old key back, or once the configuration names the new one, it goes on as
the node that it was and knows what it voted for. Also where it is the only consenter. With SELVAGE_ORDERERS=ours,theirs,... some
are upstream's (FABRIC_GO_BIN)."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
from network import skip  # noqa: E402
from orderers_kit import CHANNEL, Orderers, upstream_folder  # noqa: E402
from rotate_orderer import another_channel, new_pair  # noqa: E402

JOINS_ANEW = "Starting raft node to join an existing channel"


def relation(net, i, channel):
    answer = net.admin(i, "list", "--channelID", channel, check=False).stdout
    return json.loads(answer[answer.index("{"):])["consensusRelation"] if "Status: 200" in answer else ""


def restart_with(net, i, pair):
    net.kill(i)
    for file in ("server.crt", "server.key"):
        shutil.copy(pair / file, net.home(i) / "tls" / file)
    before = len(net.log(i))
    net.start_one(i)
    return lambda: net.log(i)[before:]


def grow(net, through):
    net.wait_for_leader()  # it may have been the one that was restarted
    net.touch(through)
    net.wait_for_height(net.height(through))


def main():
    kinds = os.environ.get("SELVAGE_ORDERERS", "ours,ours,ours").split(",")
    if "theirs" in kinds and not upstream_folder():
        skip("FABRIC_GO_BIN names no folder with Fabric's programs")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="selvage-too-soon-"))
    with Orderers(folder, kinds, options="SnapshotIntervalSize: 20 KB") as net:
        net.start()
        another_channel(net, "lonely", (1,), (1,))
        grow(net, 0)
        old = shutil.copytree(net.home(1) / "tls", folder / "old")

        # Both channels are followed; the others go on, further than their logs reach back.
        restart_with(net, 1, new_pair(net, 1, folder / "new1"))
        for channel in (CHANNEL, "lonely"):
            net.wait(lambda: relation(net, 1, channel) == "follower", 30, f"{channel} as follower")
        for _ in range(4):
            grow(net, 0)
        # The key that they know is back.
        log = restart_with(net, 1, old)
        for channel in (CHANNEL, "lonely"):
            net.wait(lambda: relation(net, 1, channel) == "consenter", 30, f"{channel} as consenter")
        net.wait(lambda: log().count("Restarting raft node") == 2, 30, "both logs")
        grow(net, 1)
        assert JOINS_ANEW not in log(), log()
        lonely = ["lonely" if word == CHANNEL else word for word in net.flags(1)]
        net.wait(lambda: "height\": 1" in net.admin(1, "list", "--channelID", "lonely").stdout and net.peer(
            "channel", "fetch", "0", folder / "genesis", *lonely, check=False).returncode == 0, 30, "lonely served")
        net.wait(lambda: net.metric(1, 'consensus_etcdraft_is_leader{channel="lonely"}') == 1, 30, "a leader of lonely")
        print("with the old key again at height", net.height(1))

        # The configuration is updated after the fact.
        log = restart_with(net, 2, new_pair(net, 2, folder / "new2"))
        net.wait(lambda: relation(net, 2, CHANNEL) == "follower", 30, "node 2 as follower")
        for _ in range(4):
            grow(net, 0)
        net.replace_consenter(2, 0)
        net.wait(lambda: relation(net, 2, CHANNEL) == "consenter", 60, "node 2 as consenter")
        net.wait(lambda: "Restarting raft node" in log(), 30, "its log")
        grow(net, 2)
        assert JOINS_ANEW not in log(), log()
        # It counts: with it, two of three are enough.
        net.kill(0)
        net.wait_for_leader()
        height = net.height(1)
        net.touch(1)
        net.wait_for_height(height + 1, [1, 2])
        print("under its new key at height", net.height(2))

        # Removed and added again it is another node, and the old log goes.
        net.start_one(0)
        net.wait_for_height(height + 1)
        net.remove_consenter(2, 0)
        net.wait(lambda: relation(net, 2, CHANNEL) == "follower", 60, "node 2 removed")
        net.add_consenter(2, 0)
        net.wait(lambda: relation(net, 2, CHANNEL) == "consenter", 60, "node 2 added")
        net.wait(lambda: JOINS_ANEW in log(), 30, "a new log")
        if kinds[2] == "ours":
            assert f"Channel {CHANNEL}: this orderer was node 3 and is node 4 now; the Raft log of node 3 is removed" in log(), log()
        grow(net, 2)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
