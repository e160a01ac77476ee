#!/usr/bin/env python3
"""Upstream's peer as a daemon does not hot-loop against explain mode (needs FABRIC_GO_BIN)."""
import os
import re
import time

from strangers import BIN, check, network, run


def daemons_keep_calm(bench):
    """Upstream's peer, whose certificate our orderer refuses in words, asks for blocks as seldom as after an alert."""
    theirs = network.upstream()
    counted = {}
    for mode in ("log", "client"):
        os.environ.update(ORDERER_GENERAL_TLS_EXPLAIN=mode, FABRIC_LOGGING_SPEC="info:core.comm=debug")
        with network.Network(bench.folder / ("calm_" + mode), BIN / "cryptogen", BIN / "configtxgen", BIN / "orderer", theirs / "peer",
                             BIN / "osnadmin") as net:
            net.make_material()
            orderer_process = net.start_orderer()
            net.start_peer("org1", CORE_PEER_TLS_CLIENTCERT_FILE=bench.file("other_client.crt"),
                           CORE_PEER_TLS_CLIENTKEY_FILE=bench.file("other_client.key"))
            net.admin("join", "--channelID", "mychannel", "--config-block", net.block)
            orderer_process.wait_for("Start accepting requests as Raft leader")
            net.cli("org1", "channel", "join", "-b", net.block)
            orderer_process.wait_for("Server TLS handshake failed", 60)
            before = len(re.findall("Server TLS handshake failed", orderer_process.text()))
            time.sleep(5)  # a rate is measured
            counted[mode] = len(re.findall("Server TLS handshake failed", orderer_process.text())) - before
    del os.environ["ORDERER_GENERAL_TLS_EXPLAIN"], os.environ["FABRIC_LOGGING_SPEC"]
    print(f"     refusals in five seconds: {counted}")
    check("upstream's peer does not hot-loop against explain mode", counted["client"] <= counted["log"] + 25, str(counted))


if __name__ == "__main__":
    network.upstream()
    run(daemons_keep_calm)
