#!/usr/bin/env python3
"""`peer node` pause, resume, rollback, reset, rebuild-dbs and unjoin on a peer that is off; started again it is where the
others are. Against a peer that runs they are refused in words.
"""
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, ours, skip  # noqa: E402

CHANNEL = ["-c", "mychannel"]


def info(net, org="org1"):
    shown = net.cli(org, "channel", "getinfo", *CHANNEL, check=False).stdout
    return json.loads(shown.removeprefix("Blockchain info: ")) if shown else {"height": 0}


def node(net, *arguments, check=True):
    return net.cli("org1", "node", *arguments, check=check, CORE_PEER_FILESYSTEMPATH=net.folder / "org1")


def refused(net, words, *arguments):
    done = node(net, *arguments, check=False)
    line = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.returncode == 1 and line and words in line[0], f"{arguments}: {done.stderr}"


def start_at(net, height):
    net.start_peer("org1")
    wait_for_height(net, height)


def wait_for_height(net, height):
    deadline = time.monotonic() + 60
    while info(net)["height"] != height:
        assert time.monotonic() < deadline, (info(net), height)
        time.sleep(0.05)  # between two questions; what counts is the deadline


def rolled_back_peer_endorses_nothing(net):
    """Until the orderer is back and with it the blocks that are missing."""
    node(net, "rollback", *CHANNEL, "-b", "1")
    net.processes["orderer"].stop()
    net.start_peer("org1")
    done = net.cli("org1", "channel", "getinfo", *CHANNEL, check=False)
    assert done.returncode == 1 and "endorse requests are blocked while ledgers are being rebuilt" in done.stderr, done.stderr
    net.start_orderer()
    net.processes["org1"].wait_for("Ledger rebuild: Complete, all ledgers surpass prereset heights.")
    wait_for_height(net, 4)
    net.processes["org1"].stop()


def main():
    our = ours()
    for program in ("orderer", "peer"):
        if not (our / program).exists():
            skip(f"{our / program} is not built")
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=our / "orderer",
            peer=our / "peer", osnadmin=our / "osnadmin") as net:
        net.start()
        for name in ("a", "b", "c"):  # blocks
            net.cli("org1", "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags("org1"), "-C", "mychannel", "-n",
                    name, "-v", "1", "--sequence", "1")
        before = info(net)
        assert before["height"] == 4, before
        refused(net, "as another peer node command is executing, wait for that command to complete its execution or terminate "
                "it before retrying: lock is already acquired on file", "pause", *CHANNEL)
        refused(net, "Must supply channel ID", "rollback", "-b", "1")

        def off():
            net.processes["org1"].stop()

        off()
        refused(net, "ledgerID [nope] does not exist", "rollback", "-c", "nope", "-b", "1")
        refused(net, "target block number [3] should be less than the biggest block number [3]", "rollback", *CHANNEL, "-b", "3")
        refused(net, "the data format is already up to date. No upgrade is required", "upgrade-dbs")
        rolled_back_peer_endorses_nothing(net)
        for what in (["rollback", *CHANNEL, "-b", "1"], ["reset"], ["rebuild-dbs"]):
            node(net, *what)
            start_at(net, 4)
            assert info(net) == before, what
            ready = net.cli("org1", "lifecycle", "chaincode", "checkcommitreadiness", "-C", "mychannel", "-n", "c", "-v", "1",
                            "--sequence", "1").stdout
            assert "Org1MSP: true" in ready, ready
            off()

        node(net, "pause", *CHANNEL)
        net.start_peer("org1")
        assert net.cli("org1", "channel", "list").stdout == "Channels peers has joined: \n"
        again = net.cli("org1", "channel", "join", "-b", net.block, check=False)
        assert "already exists with state [INACTIVE]" in again.stderr, again.stderr
        off()
        node(net, "resume", *CHANNEL)
        start_at(net, 4)
        off()

        node(net, "unjoin", *CHANNEL)
        refused(net, "unjoin channel [mychannel]: cannot update ledger status, ledger [mychannel] does not exist", "unjoin", *CHANNEL)
        # Its private data is gone with the channel, and nobody else in its organisation has any: no use in a long wait.
        net.start_peer("org1", CORE_PEER_GOSSIP_PVTDATA_PULLRETRYTHRESHOLD="1s")
        assert net.cli("org1", "channel", "list").stdout == "Channels peers has joined: \n"
        net.cli("org1", "channel", "join", "-b", net.block)
        wait_for_height(net, 4)
        assert info(net) == before
    print("a peer that was off is where the others are")


if __name__ == "__main__":
    main()
