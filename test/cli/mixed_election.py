#!/usr/bin/env python3
"""Our peers and upstream's elect the leader of their organisation together: one at a time, whoever has the lowest identity,
of either make; a killed leader is replaced, one that comes back follows. Then with static leaders, one of each make.
Needs FABRIC_GO_BIN.
"""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from peer_network import PeerNetwork  # noqa: E402
from network import upstream  # noqa: E402

THEIRS = {"org1.peer1", "org1.peer3"}
LOOKS = 40  # at all peers, after each election


def electing(_):
    return dict(CORE_PEER_GOSSIP_USELEADERELECTION="true", CORE_PEER_GOSSIP_ORGLEADER="false",
                CORE_PEER_GOSSIP_ELECTION_STARTUPGRACEPERIOD="3s", CORE_PEER_GOSSIP_ELECTION_LEADERALIVETHRESHOLD="3s",
                CORE_PEER_GOSSIP_ELECTION_LEADERELECTIONDURATION="1s", CORE_PEER_GOSSIP_STATE_ENABLED="true",
                CORE_PEER_GOSSIP_STATE_CHECKINTERVAL="1s")


def static(name):
    """peer0 (ours) and peer1 (theirs) pull from the orderer and ask no neighbour; the others only ask neighbours."""
    if name in ("org1.peer0", "org1.peer1"):
        return dict(CORE_PEER_GOSSIP_ORGLEADER="true", CORE_PEER_GOSSIP_USELEADERELECTION="false", CORE_PEER_GOSSIP_STATE_ENABLED="false")
    return dict(CORE_PEER_GOSSIP_ORGLEADER="false", CORE_PEER_GOSSIP_USELEADERELECTION="false", CORE_PEER_GOSSIP_STATE_ENABLED="true",
                CORE_PEER_GOSSIP_STATE_CHECKINTERVAL="1s")


def network(folder, go, settings):
    return PeerNetwork(folder, orgs=1, peers=4, settings=settings, max_message_count=1,
                       peer_of=lambda name: go / "peer" if name in THEIRS else None)


def make_of(name):
    return "theirs" if name in THEIRS else "ours"


class Election:
    def __init__(self, net):
        self.net, self.blocks, self.won = net, 0, []

    def running(self):
        return [n for n in self.net.names if self.net.processes[n].popen.poll() is None]

    def leaders(self):
        return [n for n in self.running() if self.net.metric(n, "gossip_leader_election_leader") == 1]

    def settled(self, not_this=None):
        """One leader, it stays the only one, and its blocks reach everybody."""
        net = self.net
        net.wait_until("one leader", lambda: len(self.leaders()) == 1 and self.leaders() != [not_this], 60)
        leader = self.leaders()[0]
        self.blocks += 2
        net.make_blocks(2)
        for name in self.running():
            net.wait_until(f"{name} has {self.blocks} blocks", lambda: net.metric(name, "gossip_state_height") == self.blocks + 1, 60)
        for _ in range(LOOKS):
            assert self.leaders() == [leader], f"{leader} led, now {self.leaders()}"
        print(f"ok   {leader} ({make_of(leader)}) leads {len(self.running())} peers")
        return leader


def elect(go):
    with tempfile.TemporaryDirectory() as folder, network(folder, go, electing) as net:
        net.start()
        net.wait_for_views(3, timeout=60)
        election = Election(net)
        leader = election.settled()
        first = leader
        won = [leader]
        while len(election.running()) > 1:
            net.processes[leader].stop(9)
            leader = election.settled(not_this=leader)
            won.append(leader)
        assert {make_of(name) for name in won} == {"ours", "theirs"}, won
        assert len(set(won)) == 4, won
        net.start_peer(first)
        net.wait_until(f"{first} sees {leader}", lambda: net.metric(first, "gossip_membership_total_peers_known") == 1, 60)
        election.settled()  # one of the two: who comes back follows, unless it is slow to hear of the other


def lead_by_setting(go):
    with tempfile.TemporaryDirectory() as folder, network(folder, go, static) as net:
        net.start()
        net.wait_for_views(3, timeout=60)
        net.make_blocks(5)
        for name in net.names:
            net.wait_until(f"{name} has all blocks", lambda: net.metric(name, "gossip_state_height") == 6, 60)
            assert net.metric(name, "gossip_leader_election_leader") != 1, "nobody was elected"
        print("ok   static leaders of both makes pull, and both makes follow")


def main():
    go = upstream()
    elect(go)
    lead_by_setting(go)


if __name__ == "__main__":
    main()
