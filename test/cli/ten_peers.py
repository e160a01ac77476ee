#!/usr/bin/env python3
"""Ten of our peers, five organisations, one channel, Fabric's default intervals: all see all, all organisations endorse, a peer
that was away catches up from its neighbours without an orderer, and a killed leader is replaced. `ten_peers.py --idle 60`: only what ten idle peers use in a minute.
"""
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from gateway_kit import serve  # noqa: E402
from peer_network import PeerNetwork  # noqa: E402
from network import ours  # noqa: E402

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
    return [n for n in running(net) if n.startswith(org) and net.metric(n, "gossip_leader_election_leader") == 1]


def running(net):
    return [n for n in net.names if net.processes[n].popen.poll() is None]


def proc(net, name):
    return pathlib.Path(f"/proc/{net.processes[name].popen.pid}")


def cpu_seconds(net):
    total = 0
    for name in running(net):
        fields = (proc(net, name) / "stat").read_text().rsplit(") ", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def wakeups(net):
    return sum(int((task / "status").read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0])
               for name in running(net) for task in (proc(net, name) / "task").iterdir())


def memory_mib(net, name, kind):
    return int((proc(net, name) / "smaps_rollup").read_text().split(f"\n{kind}:")[1].split()[0]) / 1024


def measure_idle(net, seconds):
    """What ten peers use that nobody asks anything."""
    time.sleep(30)  # a measurement: starting has left its traces behind
    cpu, woken = cpu_seconds(net), wakeups(net)
    time.sleep(seconds)
    cpu, woken = cpu_seconds(net) - cpu, wakeups(net) - woken
    rss, pss = ([memory_mib(net, n, kind) for n in running(net)] for kind in ("Rss", "Pss"))
    threads = [len(list((proc(net, n) / "task").iterdir())) for n in running(net)]
    print(f"idle for {seconds:.0f} s: {100 * cpu / seconds:.2f} % of a core and {woken / seconds:.0f} wake-ups a second for all ten; each: "
          f"resident {min(rss):.1f} to {max(rss):.1f} MiB, proportional {min(pss):.1f} to {max(pss):.1f} MiB, {max(threads)} threads")


def within(seconds, since, what):
    took = time.monotonic() - since
    print(f"{what} {took:.2f} s after the last of them joined")
    assert took < seconds or os.environ.get("SELVAGE_SLOW_MACHINE"), f"{what} only after more than {seconds} s"


def install(net):
    package, package_id = serve(net, net.folder, ours() / "interop_cpp_chaincode")
    for name in net.names:
        if name.endswith("peer0") or name.startswith(ELECTING):
            net.cli(name, "lifecycle", "chaincode", "install", package)
    return package_id


def endorse_by_all(net, package_id):
    """A transaction that every organisation must endorse, of a chaincode that is defined just now. Those that pull blocks
    endorse: the others look for new ones every ten seconds."""
    endorsers = [f"{org}.peer0" for org in net.org_names if org != ELECTING] + leaders_of(net, ELECTING)
    policy = "AND(" + ",".join(f"'{org.capitalize()}MSP.peer'" for org in net.org_names) + ")"
    definition = ["-C", "mychannel", "-n", "cc", "--version", "1", "--sequence", "1", "--signature-policy", policy]
    for name in endorsers:
        net.cli(name, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(name.split(".")[0]), *definition,
                "--package-id", package_id)
    everybody = net.peer_flags(*endorsers)

    def all_are_level():
        net.wait_until("endorsers are at one height", lambda: len({net.metric(n, "gossip_state_height") for n in endorsers}) == 1)

    all_are_level()
    net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition, *everybody)
    all_are_level()
    net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), "-C", "mychannel", "-n", "cc", "-c",
            '{"Args":["put","k","v"]}', "--waitForEvent", *everybody)


def main():
    idle = sys.argv[1:2] == ["--idle"]
    with tempfile.TemporaryDirectory() as folder, PeerNetwork(folder, orgs=5, peers=2, settings=settings,
                                                              max_message_count=1) as net:
        package = []
        net.start(before_join=lambda: package.append(None if idle else install(net)))
        joined = time.monotonic()
        net.wait_for_views(9, timeout=30)
        within(5, joined, "all ten see all others")
        net.wait_until("a leader of org5", lambda: len(leaders_of(net, ELECTING)) == 1)
        if idle:
            return measure_idle(net, float(sys.argv[2]))
        endorse_by_all(net, package[0])
        within(10, joined, "a transaction endorsed by all organisations is committed")
        blocks = net.height("org1.peer0") + BLOCKS

        away = "org1.peer1"
        net.processes[away].stop()
        net.wait_until(f"{away} is missed", lambda: net.metric("org2.peer0", "gossip_membership_total_peers_known") == 8)
        net.make_blocks(BLOCKS)
        for name in ("org1.peer0", "org2.peer0"):
            net.wait_until(f"{name} has all blocks", lambda: net.metric(name, "gossip_state_height") == blocks, 120)

        leader = leaders_of(net, ELECTING)[0]
        net.processes[leader].stop(9)
        net.wait_until("another leader of org5", lambda: leaders_of(net, ELECTING) not in ([], [leader]))

        net.processes["orderer"].stop()
        started = time.monotonic()
        net.start_peer(away)
        net.processes[away].wait_for("Started peer with ID=")
        net.wait_until(f"{away} catches up from its neighbours",
                       lambda: net.metric(away, "gossip_state_height") == blocks, 120)
        print(f"{BLOCKS} blocks from neighbours in {time.monotonic() - started:.1f} s, the orderer being away")


if __name__ == "__main__":
    main()
