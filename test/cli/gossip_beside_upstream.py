#!/usr/bin/env python3
"""Our peers and upstream's in one channel, of one organisation and of two: all see all, identities go both ways, and blocks
are given and taken both ways while no orderer is there.
"""
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from peer_network import PeerNetwork  # noqa: E402
from network import upstream  # noqa: E402

THEIRS = {"org1.peer1", "org2.peer0"}  # one in each organisation
BLOCKS = 45


def settings(name):
    if name.endswith("peer1"):
        return dict(CORE_PEER_GOSSIP_ORGLEADER="false", CORE_PEER_GOSSIP_STATE_ENABLED="true",
                    CORE_PEER_GOSSIP_STATE_CHECKINTERVAL="1s")
    return {}


def main():
    go = upstream()
    with tempfile.TemporaryDirectory() as folder, PeerNetwork(
            folder, orgs=2, peers=2, settings=settings, max_message_count=1,
            peer_of=lambda name: go / "peer" if name in THEIRS else None) as net:
        net.start()
        joined = time.monotonic()
        net.wait_for_views(3, timeout=60)
        print(f"two of ours and two of theirs see each other {time.monotonic() - joined:.1f} s after the last joined")

        def has_all(name):
            return lambda: net.metric(name, "gossip_state_height") == BLOCKS + 1

        for name in ("org1.peer1", "org2.peer1"):
            net.processes[name].stop()
        net.make_blocks(BLOCKS)
        for name in ("org1.peer0", "org2.peer0"):
            net.wait_until(f"{name} has all blocks", lambda: net.height(name) == BLOCKS + 1, 60)
        net.processes["orderer"].stop()

        net.processes["org2.peer0"].stop()
        net.start_peer("org1.peer1")
        net.wait_until("theirs takes the blocks from ours", has_all("org1.peer1"), 60)
        print("upstream's peer has the blocks from ours")

        net.processes["org1.peer0"].stop()
        net.start_peer("org2.peer0")  # theirs, too
        net.start_peer("org2.peer1")
        net.wait_until("ours takes the blocks from theirs", has_all("org2.peer1"), 90)
        print("our peer has the blocks from upstream's")


if __name__ == "__main__":
    main()
