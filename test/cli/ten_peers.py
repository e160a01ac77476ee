#!/usr/bin/env python3
"""Ten of our peers, five organisations, one channel, Fabric's default intervals: all see all, a peer that was away catches up
from its neighbours without an orderer, and a killed leader is replaced. With a number of seconds as argument it also prints
what ten idle peers use.
"""
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from peer_network import PeerNetwork  # noqa: E402

BLOCKS = int(os.environ.get("SELVAGE_TEN_PEERS_BLOCKS", "1000"))
ELECTING = "org5"  # its peers elect a leader; elsewhere peer0 pulls, and peer1 takes blocks from neighbours


def settings(name):
    org, peer = name.split(".")
    if org == ELECTING:
        return dict(CORE_PEER_GOSSIP_USELEADERELECTION="true", CORE_PEER_GOSSIP_ORGLEADER="false",
                    CORE_PEER_GOSSIP_ELECTION_STARTUPGRACEPERIOD="2s",
                    CORE_PEER_GOSSIP_ELECTION_LEADERALIVETHRESHOLD="2s",
                    CORE_PEER_GOSSIP_ELECTION_LEADERELECTIONDURATION="1s", CORE_PEER_GOSSIP_STATE_ENABLED="true")
    if peer == "peer1":
        return dict(CORE_PEER_GOSSIP_ORGLEADER="false", CORE_PEER_GOSSIP_STATE_ENABLED="true",
                    CORE_PEER_GOSSIP_STATE_CHECKINTERVAL="1s")
    return {}


def leaders_of(net, org):
    return [n for n in net.names if n.startswith(org) and net.processes[n].popen.poll() is None
            and net.metric(n, "gossip_leader_election_leader") == 1]


def cpu_seconds(net):
    total = 0
    for name in net.names:
        if net.processes[name].popen.poll() is None:
            fields = pathlib.Path(f"/proc/{net.processes[name].popen.pid}/stat").read_text().rsplit(") ", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def resident_mib(net, name):
    status = pathlib.Path(f"/proc/{net.processes[name].popen.pid}/smaps_rollup").read_text()
    return int(status.split("Rss:")[1].split()[0]) / 1024


def main():
    with tempfile.TemporaryDirectory() as folder, PeerNetwork(folder, orgs=5, peers=2, settings=settings,
                                                              max_message_count=1) as net:
        net.start()
        joined = time.monotonic()
        net.wait_for_views(9, timeout=30)
        print(f"all ten see all others {time.monotonic() - joined:.2f} s after the last of them joined")
        assert time.monotonic() - joined < 5 or os.environ.get("SELVAGE_SLOW_MACHINE"), "views took longer than 5 s"

        net.wait_until("a leader of org5", lambda: len(leaders_of(net, ELECTING)) == 1)
        if len(sys.argv) > 1:  # seconds: how much ten idle peers use
            before, seconds = cpu_seconds(net), float(sys.argv[1])
            time.sleep(seconds)
            print(f"idle: {100 * (cpu_seconds(net) - before) / seconds:.2f} % of a core for all; resident MiB each: "
                  + ", ".join(f"{resident_mib(net, n):.0f}" for n in net.names))

        away = "org1.peer1"
        net.processes[away].stop()
        net.wait_until(f"{away} is missed", lambda: net.metric("org2.peer0", "gossip_membership_total_peers_known") == 8)
        net.make_blocks(BLOCKS)
        for name in ("org1.peer0", "org2.peer0"):
            net.wait_until(f"{name} has all blocks", lambda: net.metric(name, "gossip_state_height") == BLOCKS + 1, 120)

        leader = leaders_of(net, ELECTING)[0]
        net.processes[leader].stop(9)
        net.wait_until("another leader of org5", lambda: leaders_of(net, ELECTING) not in ([], [leader]))

        net.processes["orderer"].stop()
        started = time.monotonic()
        net.start_peer(away)
        net.processes[away].wait_for("Started peer with ID=")
        net.wait_until(f"{away} catches up from its neighbours",
                       lambda: net.metric(away, "gossip_state_height") == BLOCKS + 1, 120)
        print(f"{BLOCKS} blocks from neighbours in {time.monotonic() - started:.1f} s, the orderer being away")


if __name__ == "__main__":
    main()
