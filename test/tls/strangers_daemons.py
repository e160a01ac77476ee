#!/usr/bin/env python3
"""Upstream's peer as a daemon does not hot-loop against explain mode (needs FABRIC_GO_BIN)."""
import os
import re
import time

from strangers import BIN, check, network, run


def daemons_keep_calm(bench):
    """Upstream's peer, whose certificate our orderer (as it asks for blocks) and our peer (as it gossips) refuse in words, tries as
    seldom as after an alert."""
    theirs = network.upstream()
    counted = {}
    for mode in ("log", "client"):
        os.environ.update(ORDERER_GENERAL_TLS_EXPLAIN=mode, FABRIC_LOGGING_SPEC="info:core.comm=debug")
        with network.Network(bench.folder / ("calm_" + mode), BIN / "cryptogen", BIN / "configtxgen", BIN / "orderer", BIN / "peer",
                             BIN / "osnadmin", anchors=True) as net:
            net.make_material()
            nodes = {"orderer": net.start_orderer(), "peer": net.start_peer("org2", CORE_PEER_TLS_EXPLAIN=mode)}
            net.programs["peer"] = theirs / "peer"
            net.start_peer("org1", CORE_PEER_TLS_CLIENTCERT_FILE=bench.file("other_client.crt"),
                           CORE_PEER_TLS_CLIENTKEY_FILE=bench.file("other_client.key"))
            net.join()
            refusals_of = lambda node: len(re.findall("Server TLS handshake failed", node.text()))
            for node in nodes.values():
                node.wait_for("Server TLS handshake failed", 60)
            before = {name: refusals_of(node) for name, node in nodes.items()}
            time.sleep(5)  # a rate is measured
            for name, node in nodes.items():
                counted[mode, name] = refusals_of(node) - before[name]
    del os.environ["ORDERER_GENERAL_TLS_EXPLAIN"], os.environ["FABRIC_LOGGING_SPEC"]
    print(f"     refusals in five seconds: {counted}")
    for name in ("orderer", "peer"):
        check(f"upstream's peer does not hot-loop against explain mode of our {name}",
              counted["client", name] <= counted["log", name] + 25, str(counted))


if __name__ == "__main__":
    network.upstream()
    run(daemons_keep_calm)
