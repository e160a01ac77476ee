#!/usr/bin/env python3
"""Every command of `peer`, `osnadmin` and `discover` that talks to a node, against nodes that refuse it or that it refuses: it fails at
once, and its last line holds the code of the cause, never `context deadline exceeded`."""
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
sys.argv = sys.argv[:1]
from strangers import BIN, check, network, orderer, refusals, run  # noqa: E402

# What is wrong -> (its CA file, its pair, which port, the codes that the last line may hold).
FAULTS = {
    "a certificate of another CA": ("ca.crt", "other_client", "port", {"TLS-02"}),
    "an expired certificate": ("ca.crt", "expired", "port", {"TLS-07"}),
    "another CA file": ("other_ca.crt", "client", "port", {"TLS-25"}),
    "a plaintext port": ("ca.crt", "client", "plain", {"TLS-43"}),
}


def length_delimited(number, content):
    return bytes([number << 3 | 2]) + bytes([len(content)]) + content


def config_update_envelope():
    header = bytes([1 << 3, 2]) + length_delimited(4, b"mychannel")  # CONFIG_UPDATE
    return length_delimited(1, length_delimited(1, length_delimited(1, header)))


def make_files(bench):
    folder = bench.folder / "files"
    folder.mkdir()
    (folder / "configtx.yaml").write_text(network.configtx(bench.folder / "crypto", 7050))
    subprocess.run([BIN / "configtxgen", "-configPath", folder, "-profile", "TwoOrgs", "-channelID", "mychannel", "-outputBlock",
                    folder / "block"], check=True, capture_output=True, env={**os.environ, "FABRIC_CFG_PATH": str(folder)})
    (folder / "update").write_bytes(config_update_envelope())
    subprocess.run([BIN / "selvage", "package", "ccaas", "--label", "basic", "--address", "cc:9999", "--no-tls", "--output",
                    folder / "package.tar.gz"], check=True, capture_output=True)
    return folder


def commands(files, target, admin_target, bench, ca, pair):
    """Words of each command. Flags for an orderer come last."""
    to_orderer = ["-o", target, "--tls", "--cafile", bench.file(ca), "--clientauth", "--certfile", bench.file(pair + ".crt"), "--keyfile",
                  bench.file(pair + ".key")]
    definition = ["-C", "mychannel", "-n", "basic", "-v", "1", "--sequence", "1"]
    invocation = ["-C", "mychannel", "-n", "basic", "-c", '{"Args":["a"]}']
    peer = [["channel", "create", "-c", "mychannel", "-f", files / "update", *to_orderer],
            ["channel", "fetch", "newest", "out", "-c", "mychannel", *to_orderer], ["channel", "fetch", "0", "out", "-c", "mychannel"],
            ["channel", "getinfo", "-c", "mychannel"], ["channel", "join", "-b", files / "block"],
            ["channel", "joinbysnapshot", "--snapshotpath", "/tmp"], ["channel", "joinbysnapshotstatus"], ["channel", "list"],
            ["channel", "update", "-c", "mychannel", "-f", files / "update", *to_orderer],
            ["chaincode", "query", *invocation], ["chaincode", "invoke", *invocation, *to_orderer],
            ["lifecycle", "chaincode", "install", files / "package.tar.gz"], ["lifecycle", "chaincode", "queryinstalled"],
            ["lifecycle", "chaincode", "getinstalledpackage", "--package-id", "basic:00"],
            ["lifecycle", "chaincode", "approveformyorg", *definition, "--package-id", "basic:00", *to_orderer],
            ["lifecycle", "chaincode", "queryapproved", "-C", "mychannel", "-n", "basic"],
            ["lifecycle", "chaincode", "checkcommitreadiness", *definition],
            ["lifecycle", "chaincode", "commit", *definition, *to_orderer], ["lifecycle", "chaincode", "querycommitted", "-C", "mychannel"],
            ["snapshot", "submitrequest", "-c", "mychannel", "-b", "0", "--peerAddress", target, "--tlsRootCertFile", bench.file(ca)],
            ["snapshot", "cancelrequest", "-c", "mychannel", "-b", "1", "--peerAddress", target, "--tlsRootCertFile", bench.file(ca)],
            ["snapshot", "listpending", "-c", "mychannel", "--peerAddress", target, "--tlsRootCertFile", bench.file(ca)]]
    admin = ["-o", admin_target, "--ca-file", bench.file(ca), "--client-cert", bench.file(pair + ".crt"), "--client-key", bench.file(pair + ".key")]
    osnadmin = [["channel", "join", "--channelID", "mychannel", "--config-block", files / "block", *admin], ["channel", "list", *admin],
                ["channel", "list", "--channelID", "mychannel", *admin], ["channel", "remove", "--channelID", "mychannel", *admin],
                ["channel", "update", "--channelID", "mychannel", "--config-update-envelope", files / "update", *admin],
                ["channel", "fetch", "--channelID", "mychannel", "--blockID", "newest", "--outputfile", "out", *admin]]
    user = bench.folder / "crypto/peerOrganizations/org1.example.com/users/Admin@org1.example.com/msp"
    asking = ["--server", target, "--channel", "mychannel", "--peerTLSCA", bench.file(ca), "--tlsCert", bench.file(pair + ".crt"), "--tlsKey",
              bench.file(pair + ".key"), "--MSP", "Org1MSP", "--userCert", next((user / "signcerts").iterdir()), "--userKey",
              next((user / "keystore").iterdir())]
    discover = [["peers", *asking], ["config", *asking], ["endorsers", *asking, "--chaincode", "basic"]]
    return [("peer", words) for words in peer] + [("osnadmin", words) for words in osnadmin] + [("discover", words) for words in discover]


def every_command(bench):
    files = make_files(bench)
    user = bench.folder / "crypto/peerOrganizations/org1.example.com/users/Admin@org1.example.com/msp"
    with orderer(bench, "refusing") as node:
        for what, (ca, pair, port, codes) in FAULTS.items():
            # The orderer stands for a peer, too: nothing is asked before the handshake is through.
            target = f"127.0.0.1:{getattr(node, port)}"
            admin_target = f"127.0.0.1:{node.admin}" if port == "port" else target
            env = {**os.environ, "FABRIC_CFG_PATH": str(network.ROOT / "config"), "CORE_PEER_ADDRESS": target, "CORE_PEER_LOCALMSPID": "Org1MSP",
                   "CORE_PEER_MSPCONFIGPATH": str(user), "CORE_PEER_TLS_ENABLED": "true", "CORE_PEER_TLS_CLIENTAUTHREQUIRED": "true",
                   "CORE_PEER_TLS_ROOTCERT_FILE": bench.file(ca), "CORE_PEER_TLS_CLIENTCERT_FILE": bench.file(pair + ".crt"),
                   "CORE_PEER_TLS_CLIENTKEY_FILE": bench.file(pair + ".key")}
            wrong, slowest, count = [], 0.0, 0
            for program, words in commands(files, target, admin_target, bench, ca, pair):
                begun = time.monotonic()
                done = subprocess.run([BIN / program, *map(str, words)], env=env, cwd=bench.folder, capture_output=True, text=True, timeout=120)
                slowest, count = max(slowest, time.monotonic() - begun), count + 1
                said = (done.stdout + done.stderr).strip()
                last = said.splitlines()[-1] if said else ""
                if done.returncode == 0 or "context deadline exceeded" in said or not any(code in last for code in codes):
                    wrong.append(f"{program} {' '.join(map(str, words[:4]))}: exit {done.returncode}, {last}")
            check(f"{what}: {count} commands fail at once and say why", not wrong and slowest < 20, "\n     ".join(wrong) + f"; slowest {slowest:.1f} s")


if __name__ == "__main__":
    run(every_command)
