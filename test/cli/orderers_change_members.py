#!/usr/bin/env python3
"""Three orderers and a fourth: it follows the channel from a later config block, is made a consenter, is removed and added
again; a node that was down catches up by snapshot; a leader is removed and hands over. With SELVAGE_ORDERERS=ours,theirs,...
any of the four is upstream's (FABRIC_GO_BIN).
"""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ours, skip  # noqa: E402
from orderers_kit import CHANNEL, Orderers, upstream_folder  # noqa: E402


def relation(net, i, wanted):
    net.wait(lambda: net.info(i).get("consensusRelation") == wanted and net.info(i).get("status") == "active", 60,
             f"orderer{i} as {wanted}")


def grow(net, through, count=3):
    for _ in range(count):
        net.touch(through)
    return net.wait(lambda: net.height(through))


def check(kinds, folder):
    with Orderers(folder, kinds, consenters=3, options="SnapshotIntervalSize: 20 KB", separate_listener={1}) as net:
        net.start()
        # A node that was down while others took snapshots.
        net.kill(2)
        net.wait_for_leader()
        height = grow(net, 0, 4)
        net.start_one(2)
        net.wait_for_height(height, [0, 1, 2])
        print("caught up at height", height)

        # The fourth: a follower first, from a config block in the middle of the chain.
        answer = net.join(3, net.fetch_config(0))
        assert '"consensusRelation": "follower"' in answer.stdout and '"onboarding"' in answer.stdout, answer.stdout
        net.kill(3)  # wherever its onboarding is
        net.start_one(3)
        net.wait_for_height(height, [3])
        relation(net, 3, "follower")
        height = grow(net, 1, 1)
        net.wait_for_height(height, [3])
        refused = net.admin(3, "fetch", "newest", str(net.folder / "none.block"), "--channelID", CHANNEL, check=False)
        print("follower at height", height, refused.returncode)

        net.add_consenter(3, 0)
        relation(net, 3, "consenter")
        height = grow(net, 3, 2)  # forwards like any other
        net.wait_for_height(height)
        print("consenter at height", height)

        # Four nodes lose one and go on.
        net.kill(0)
        net.wait_for_leader()
        height = grow(net, 3, 2)
        net.start_one(0)
        net.wait_for_height(height)
        net.wait_for_leader()

        # Removed, and added again: under another id.
        through = 0 if net.wait_for_leader() != 0 else 1
        net.remove_consenter(3, through)
        relation(net, 3, "follower")
        height = grow(net, through, 1)
        net.wait_for_height(height)
        net.add_consenter(3, through)
        relation(net, 3, "consenter")
        height = grow(net, 3, 2)
        net.wait_for_height(height)
        print("removed and added again at height", height)

        # A restart of every node, one after the other.
        for i in range(4):
            net.kill(i)
            net.start_one(i)
            net.wait_for_leader()
        # The leader goes.
        leader = net.wait_for_leader()
        through = (leader + 1) % 4
        net.remove_consenter(leader, through)
        relation(net, leader, "follower")
        net.wait_for_leader()
        height = grow(net, through, 1)
        net.wait_for_height(height)
        print("leader", leader, "removed itself; height", height)

        newest = min(net.height(i) for i in range(4)) - 1
        rest = [i for i in range(4) if i != leader]
        for number in (1, newest // 2, newest):
            blocks = [net.block(i, number) for i in rest]
            assert all(b == blocks[0] and b for b in blocks), f"block {number} differs"
        net.admin(leader, "remove", "--channelID", CHANNEL)
        net.wait(lambda: not net.info(leader), 20, "removal of the channel")


def main():
    kinds = os.environ.get("SELVAGE_ORDERERS", "ours,ours,ours,ours").split(",")
    if "theirs" in kinds and not upstream_folder():
        skip("FABRIC_GO_BIN names no folder with Fabric's programs")
    if not (ours() / "configtxlator").exists():
        skip("configtxlator is not built")
    with tempfile.TemporaryDirectory() as folder:
        check(kinds, os.environ.get("SELVAGE_KEEP", folder))


if __name__ == "__main__":
    main()
