#!/usr/bin/env python3
"""State-based endorsement, written with Fabric's Go shim and with ours: our peer and upstream's give each transaction the
same code, whoever endorsed it.

The channel's policy wants both organisations; a key's own policy wants one of them, or is changed, or meets another key.
"""
import json
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from endorsement_beside_upstream import QUIET, build_chaincode, deploy, wait_for_equal_height  # noqa: E402
from network import Network, ours, upstream  # noqa: E402

BOTH, ONE, TWO = ("org1", "org2"), ("org1",), ("org2",)
VALID, POLICY = "VALID", "ENDORSEMENT_POLICY_FAILURE"
STEPS = [  # arguments, who endorses, the code
    (["put", "k", "1"], BOTH, VALID),
    (["put", "k", "2"], ONE, POLICY),
    (["setorgs", "k", "Org1MSP"], ONE, POLICY),  # the first policy of a key is the chaincode's affair
    (["setorgs", "k", "Org1MSP"], BOTH, VALID),
    (["put", "k", "3"], ONE, VALID),
    (["put", "k", "4"], TWO, POLICY),
    (["put", "other", "1"], ONE, POLICY),  # without a policy of its own
    (["batch", "k", "other"], ONE, POLICY),
    (["batch", "k", "other"], BOTH, VALID),
    (["setorgs", "k", "Org2MSP"], TWO, POLICY),  # a change is the old policy's affair
    (["setorgs", "k", "Org2MSP"], ONE, VALID),
    (["put", "k", "5"], ONE, POLICY),
    (["del", "k"], TWO, VALID),
    (["put", "k", "6"], TWO, POLICY),  # its policy went with the key
    (["put", "k", "7"], BOTH, VALID),
    (["setorgs", "k", "Org1MSP", "Org2MSP"], BOTH, VALID),
    (["put", "k", "8"], ONE, POLICY),
    (["put", "k", "9"], BOTH, VALID),
    (["setorgs", "never written", "Org1MSP"], BOTH, VALID),  # metadata needs a key: nothing is stored
    (["put", "never written", "1"], ONE, POLICY),
]


def main():
    go, our = upstream(), ours()
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=go / "orderer",
            peer=go / "peer", osnadmin=go / "osnadmin") as net:
        folder = pathlib.Path(folder)
        program = build_chaincode(folder)
        net.make_material()
        net.start_orderer()
        net.start_peer("org2")
        net.programs["peer"] = our / "peer"
        net.start_peer("org1")
        net.join()
        deploy(net, folder, program, "go")
        deploy(net, folder, our / "interop_cpp_chaincode", "cpp")
        wrong = []
        for name in ("go", "cpp"):
            for arguments, endorsers, expected in STEPS:
                wait_for_equal_height(net)
                said = net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), "-C", "mychannel", "-n", name,
                               *net.peer_flags(*endorsers), "--waitForEvent", "-c", json.dumps({"Args": arguments}),
                               check=False, FABRIC_LOGGING_SPEC="info")
                # The command hears of the peers that endorsed; the rest is compared block by block below.
                text = said.stdout + said.stderr
                if f"({expected})" not in text:
                    wrong.append(f"{name} {arguments} by {endorsers}: not {expected}: {text[-300:]}")
        wait_for_equal_height(net)
        filters = []
        for org in ("org1", "org2"):
            height = json.loads(re.search(r"\{.*\}", net.cli(org, "channel", "getinfo", "-c", "mychannel", **QUIET).stdout).group())["height"]
            blocks = []
            for number in range(height):
                file = folder / f"{org}_{number}.block"
                net.cli(org, "channel", "fetch", str(number), file, "-c", "mychannel", **QUIET)
                # Metadata of both peers: validation codes, and the commit hash over all that was written.
                blocks.append(file.read_bytes())
            filters.append(blocks)
        for number, (one, two) in enumerate(zip(*filters)):
            if one != two:
                wrong.append(f"block {number} differs between the peers: codes or commit hash")
        print(f"{2 * len(STEPS)} transactions, {len(filters[0])} blocks, {len(wrong)} differences")
        if wrong:
            sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
