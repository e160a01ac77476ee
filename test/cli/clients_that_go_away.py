#!/usr/bin/env python3
"""Clients that are gone in the middle of any kind of call leave nothing behind in a peer: no descriptor, no connection, no
stream, no memory. They cancel, or are killed.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent / "kit"))
from peer_network import PeerNetwork  # noqa: E402
from network import ours, skip  # noqa: E402

CALLS = 10      # of each of leaving_client's kinds, a connection each
KINDS = 12
ROUNDS = 36
WARM = 6        # rounds after which memory is looked at: what is allocated once has been
BLOCKS = 200    # so that streams of blocks are full


def main():
    leaving = ours() / "leaving_client"
    if not leaving.exists():
        skip("leaving_client is not built")
    # What the allocator keeps for later would be measured too: it is to give everything back at once.
    os.environ["MALLOC_CONF"] = "dirty_decay_ms:0,muzzy_decay_ms:0"
    with tempfile.TemporaryDirectory() as folder, PeerNetwork(folder, orgs=1, peers=1, max_message_count=1) as net:
        net.start()
        net.make_blocks(BLOCKS)
        name = "org1.peer0"
        net.wait_until("all blocks", lambda: net.metric(name, "gossip_state_height") == BLOCKS + 1, 60)
        home = net.org("org1") / "users/User1@org1.example.com"
        proc = pathlib.Path(f"/proc/{net.processes[name].popen.pid}")

        def total(metric):
            text = urllib.request.urlopen(f"http://127.0.0.1:{net.ports[name + '_ops']}/metrics", timeout=20).read().decode()
            return sum(float(v) for v in re.findall(rf"^{metric}(?:{{.*}})? (\S+)$", text, re.M))

        def descriptors():
            return len(list((proc / "fd").iterdir()))

        def resident_kib():
            return int((proc / "status").read_text().split("VmRSS:")[1].split()[0])

        def connections():
            return total("grpc_comm_conn_opened") - total("grpc_comm_conn_closed")

        before = {"descriptors": descriptors(), "connections": connections()}

        def one_round(kill):
            client = subprocess.Popen(
                [leaving, f"127.0.0.1:{net.ports[name]}", net.peer_tls(name) / "ca.crt", home / "msp", "Org1MSP",
                 home / "tls/client.crt", home / "tls/client.key", "mychannel", str(CALLS)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                said = client.stdout.readline()
                assert said == "open\n", said + client.communicate(timeout=10)[1]
                assert connections() >= before["connections"] + CALLS * (KINDS - 1), "the peer has the calls"
            finally:
                if kill:
                    client.kill()
                complaints = client.communicate("go\n" if not kill else None, timeout=60)[1]
            assert complaints == "", complaints
            net.wait_until(f"{name} has as many connections as before", lambda: connections() == before["connections"], 60)
            net.wait_until(f"{name} has as many descriptors as before", lambda: descriptors() <= before["descriptors"], 60)
            net.wait_until("deliver streams are closed", lambda: total("deliver_streams_opened") == total("deliver_streams_closed"), 60)

        memory = []
        for i in range(ROUNDS):
            one_round(kill=i % 2 == 0)
            memory.append(resident_kib())
        # What an allocator keeps goes up and down; the least of many rounds is what stays.
        half = (ROUNDS - WARM) // 2
        grown = min(memory[-half:]) - min(memory[WARM:WARM + half])
        calls = half * CALLS * KINDS
        print(f"ok   {ROUNDS * CALLS * KINDS} calls left: {grown} KiB more after {calls} of them")
        assert grown < calls, f"more than 1 KiB a call stays: {memory}"
        net.make_blocks(1)
        net.wait_until("the peer goes on", lambda: net.metric(name, "gossip_state_height") == BLOCKS + 2, 60)


if __name__ == "__main__":
    main()
