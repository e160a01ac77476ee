#!/usr/bin/env python3
"""kill -9 at random moments of a network of our programs under load, over mutual TLS: what a client was told is VALID
stays, on both peers, whoever of orderer and peers was killed; and the peers' block files stay equal byte for byte.

SELVAGE_SEED=<number> repeats the choice of victims and pauses; what they hit is the machine's affair.
"""
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, ours, skip  # noqa: E402
from peer_beside_upstream import CHANNEL, block_file, deploy, invoke, wait_for_equal_height  # noqa: E402

KILLS = 4


def main():
    our = ours()
    if not (our / "basic_chaincode").exists():
        skip("basic_chaincode is not built")
    seed = int(os.environ.get("SELVAGE_SEED", time.time_ns() % 1_000_000))
    print(f"SELVAGE_SEED={seed}")
    chance = random.Random(seed)
    programs = {name: our / name for name in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}
    with tempfile.TemporaryDirectory() as folder, Network(folder, **programs) as net:
        net.make_material()
        net.start_orderer()
        for org in ("org1", "org2"):
            net.start_peer(org)
        net.join()
        deploy(net, pathlib.Path(folder), our / "basic_chaincode")

        acknowledged, done = [], threading.Event()

        def work(worker):
            number = 0
            while not done.is_set():
                number += 1
                key = f"k{worker}-{number}"
                answer = invoke(net, ("org1", "org2"), "put", key, key, wait=True, check=False)
                # Both peers' events said VALID.
                if answer.returncode == 0 and answer.stderr.count("committed with status (VALID)") == 2:
                    acknowledged.append(key)

        workers = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for worker in workers:
            worker.start()
        for _ in range(KILLS):
            # Drawn before anything is waited for, so that a seed gives the same victims however fast the machine is.
            victim, more, moment = chance.choice(["orderer", "org1", "org2"]), chance.randint(2, 6), chance.uniform(0, 0.1)
            before = len(acknowledged)
            deadline = time.monotonic() + 120  # a client whose transaction died with the orderer waits 30 s
            while len(acknowledged) < before + more:  # traffic flows again after the last kill
                assert time.monotonic() < deadline, "no transaction has come through for two minutes"
                done.wait(0.005)
            done.wait(moment)  # anywhere in the life of the transactions that follow
            net.processes[victim].popen.send_signal(signal.SIGKILL)
            net.processes[victim].stop()
            if victim == "orderer":
                net.start_orderer()
            else:
                net.start_peer(victim)
        done.set()
        for worker in workers:
            worker.join()

        invoke(net, ("org1", "org2"), "put", "last", "1", wait=True)
        height = wait_for_equal_height(net)
        for org in ("org1", "org2"):
            for key in acknowledged:
                answer = net.cli(org, "chaincode", "query", *CHANNEL, "-c", f'{{"Args":["get","{key}"]}}')
                assert answer.stdout.strip() == key, f"{org} has lost {key}: {answer.stdout}{answer.stderr}"
        assert block_file(net, "org1") == block_file(net, "org2"), "block files differ"
        print(f"{len(acknowledged)} acknowledged transactions in {height} blocks survive {KILLS} kills")


if __name__ == "__main__":
    main()
