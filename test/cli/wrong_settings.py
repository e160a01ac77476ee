#!/usr/bin/env python3
"""A wrong setting ends orderer and peer at once, with an exit code and one line that names setting and remedy."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, free_ports, ours  # noqa: E402


def settings(net, folder):
    """Of an orderer and of a peer that would start."""
    home, peer = net.orderer_home, net.peer_tls("org1").parent
    ports = free_ports(4)
    return {
        "orderer": dict(
            ORDERER_GENERAL_LISTENPORT=ports[0], ORDERER_GENERAL_LOCALMSPDIR=home / "msp",
            ORDERER_GENERAL_LOCALMSPID="OrdererMSP", ORDERER_GENERAL_TLS_ENABLED="true",
            ORDERER_GENERAL_TLS_CERTIFICATE=home / "tls/server.crt", ORDERER_GENERAL_TLS_PRIVATEKEY=home / "tls/server.key",
            ORDERER_GENERAL_TLS_ROOTCAS=home / "tls/ca.crt", ORDERER_GENERAL_TLS_CLIENTROOTCAS=home / "tls/ca.crt",
            ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED="true", ORDERER_FILELEDGER_LOCATION=folder / "orderer",
            ORDERER_CONSENSUS_WALDIR=folder / "wal", ORDERER_CONSENSUS_SNAPDIR=folder / "snap",
            ORDERER_OPERATIONS_LISTENADDRESS="127.0.0.1:0", ORDERER_ADMIN_LISTENADDRESS="127.0.0.1:0"),
        "peer": dict(
            CORE_PEER_LISTENADDRESS=f"127.0.0.1:{ports[1]}", CORE_PEER_ADDRESS=f"127.0.0.1:{ports[1]}",
            CORE_PEER_CHAINCODELISTENADDRESS=f"127.0.0.1:{ports[2]}", CORE_PEER_MSPCONFIGPATH=peer / "msp",
            CORE_PEER_LOCALMSPID="Org1MSP", CORE_PEER_TLS_ENABLED="true", CORE_PEER_TLS_CLIENTAUTHREQUIRED="true",
            CORE_PEER_TLS_CERT_FILE=peer / "tls/server.crt", CORE_PEER_TLS_KEY_FILE=peer / "tls/server.key",
            CORE_PEER_TLS_ROOTCERT_FILE=peer / "tls/ca.crt", CORE_PEER_TLS_CLIENTROOTCAS_FILES=peer / "tls/ca.crt",
            CORE_PEER_FILESYSTEMPATH=folder / "peer", CORE_OPERATIONS_LISTENADDRESS="127.0.0.1:0"),
    }


def cases(net, folder, taken):
    """(program, what is spoiled, what the line must hold)"""
    other_key = net.peer_tls("org2") / "server.key"
    (folder / "nothing.pem").write_text("no certificate\n")
    (folder / "file").write_text("a file, not a folder\n")
    return [
        ("orderer", {"FABRIC_CFG_PATH": folder / "none"}, "FABRIC_CFG_PATH"),
        ("orderer", {"FABRIC_LOGGING_SPEC": "foo=bar"}, "invalid logging specification 'foo=bar'"),
        ("orderer", {"ORDERER_GENERAL_LISTENPORT": "seven"}, "ORDERER_GENERAL_LISTENPORT: \"seven\" is no whole number"),
        ("orderer", {"ORDERER_GENERAL_CLUSTER_LISTENPORT": "7060"}, "should be defined altogether or none of them"),
        ("orderer", {"ORDERER_GENERAL_TLS_CERTIFICATE": "/none.crt"}, "open /none.crt: no such file or directory.*ORDERER_GENERAL_TLS_CERTIFICATE"),
        ("orderer", {"ORDERER_GENERAL_TLS_PRIVATEKEY": other_key}, "private key does not match public key.*ORDERER_GENERAL_TLS_PRIVATEKEY"),
        ("orderer", {"ORDERER_GENERAL_TLS_CLIENTROOTCAS": folder / "nothing.pem"}, "ORDERER_GENERAL_TLS_CLIENTROOTCAS: .*nothing.pem"),
        ("orderer", {"ORDERER_GENERAL_LOCALMSPDIR": "/none"}, "/none.*LocalMSPDir|/none.*ORDERER_GENERAL_LOCALMSPDIR"),
        ("orderer", {"ORDERER_FILELEDGER_LOCATION": folder / "file"}, "/file/.*not a directory"),
        ("orderer", {"ORDERER_GENERAL_LISTENPORT": taken}, "address already in use"),
        ("orderer", {"ORDERER_OPERATIONS_LISTENADDRESS": f"127.0.0.1:{taken}"}, "address already in use"),
        ("orderer", {"ORDERER_ADMIN_LISTENADDRESS": f"127.0.0.1:{taken}"}, "address already in use"),
        ("peer", {"FABRIC_CFG_PATH": folder / "none"}, "FABRIC_CFG_PATH"),
        ("peer", {"FABRIC_LOGGING_SPEC": "foo=bar"}, "invalid logging specification 'foo=bar'"),
        ("peer", {"CORE_PEER_TLS_ENABLED": "yes"}, "CORE_PEER_TLS_ENABLED: \"yes\" is neither true nor false"),
        ("peer", {"CORE_PEER_ADDRESS": "nowhere"}, "peer.address isn't in host:port format: nowhere"),
        ("peer", {"CORE_PEER_TLS_CERT_FILE": "/none.crt"}, "open /none.crt: no such file or directory.*CORE_PEER_TLS_CERT_FILE"),
        ("peer", {"CORE_PEER_TLS_KEY_FILE": other_key}, "private key does not match public key.*CORE_PEER_TLS_KEY_FILE"),
        ("peer", {"CORE_PEER_TLS_CLIENTROOTCAS_FILES": folder / "nothing.pem"}, "CORE_PEER_TLS_CLIENTROOTCAS_FILES: .*nothing.pem"),
        ("peer", {"CORE_PEER_MSPCONFIGPATH": "/none"}, "Error: .*/none"),
        ("peer", {"CORE_PEER_FILESYSTEMPATH": folder / "file"}, "/file/.*[Nn]ot a directory"),
        ("peer", {"CORE_PEER_LISTENADDRESS": f"127.0.0.1:{taken}"}, "address already in use"),
        ("peer", {"CORE_OPERATIONS_LISTENADDRESS": f"127.0.0.1:{taken}"}, "address already in use"),
    ]


def main():
    bins, wrong = ours(), []
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        net = Network(folder / "net", *[bins / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")])
        net.make_material()
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            good = settings(net, folder)
            for program, spoiled, expected in cases(net, folder, held.getsockname()[1]):
                command = [str((bins / program).resolve())] + (["node", "start"] if program == "peer" else [])
                environment = {**net.environment(**good[program]), **{k: str(v) for k, v in spoiled.items()}}
                try:
                    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, cwd=folder)
                except subprocess.TimeoutExpired as late:
                    wrong.append(f"{program} {spoiled}: did not end; {(late.stderr or b'').decode()[-300:]}")
                    continue
                lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in (done.stdout + done.stderr).splitlines()]
                said = [line for line in lines if re.search(expected, line)]
                if done.returncode <= 0 or len(said) != 1:
                    wrong.append(f"{program} {spoiled}: exit {done.returncode}, expected one line with /{expected}/:\n  " + "\n  ".join(lines[-5:]))
    print("\n".join(wrong) if wrong else "every wrong setting is one line and an exit code")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
