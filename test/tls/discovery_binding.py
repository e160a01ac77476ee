#!/usr/bin/env python3
"""peer.discovery.bindToTLSCertificate over a real peer. Off (as Fabric is): whatever hash of a TLS certificate a request names is
taken. On: only that of the certificate it came over, of its DER (SDKs, our `discover`) or of its PEM text (upstream's). Clients: a
bare one on grpcio, our `discover`, and upstream's where FABRIC_GO_BIN has it; fabric-network@2.2 is test/interop/sdk_node's."""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from strangers import grpcio  # noqa: E402
from refusals import network  # noqa: E402

REFUSED = "UNKNOWN client claimed TLS hash doesn't match computed TLS hash from gRPC stream"
WANTED = {False: dict.fromkeys(("none", "wrong", "der", "pem"), "ok"),
          True: {"none": REFUSED, "wrong": REFUSED, "der": "ok", "pem": "ok"}}


def ask(net, python):
    home = net.org("org1") / "users/User1@org1.example.com"
    done = subprocess.run([python, HERE / "clients/discover.py", f"127.0.0.1:{net.ports['org1']}", "mychannel", net.peer_tls("org1") / "ca.crt",
                           home / "tls/client.crt", home / "tls/client.key", "Org1MSP", next((home / "msp/signcerts").iterdir()),
                           next((home / "msp/keystore").iterdir())], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def discover(net, program):
    home = net.org("org1") / "users/User1@org1.example.com"
    done = subprocess.run([program, "config", "--server", f"127.0.0.1:{net.ports['org1']}", "--channel", "mychannel", "--peerTLSCA",
                           net.peer_tls("org1") / "ca.crt", "--tlsCert", home / "tls/client.crt", "--tlsKey", home / "tls/client.key",
                           "--MSP", "Org1MSP", "--userCert", next((home / "msp/signcerts").iterdir()), "--userKey",
                           next((home / "msp/keystore").iterdir())], capture_output=True, text=True, timeout=120, cwd=net.folder)
    assert done.returncode == 0 and '"Org1MSP"' in done.stdout, f"{program}: {done.stdout}{done.stderr}"


def main():
    python = grpcio()
    if not python:
        network.skip("grpcio cannot be had here")
    our = network.ours()
    programs = [our / "discover"]
    if os.environ.get("FABRIC_GO_BIN"):
        programs.append(pathlib.Path(os.environ["FABRIC_GO_BIN"]) / "discover")
    else:
        print("skipped: upstream's discover (FABRIC_GO_BIN)")
    with tempfile.TemporaryDirectory() as folder, network.Network(
            folder, **{name: our / name for name in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}) as net:
        net.make_material()
        net.start_orderer()
        net.admin("join", "--channelID", "mychannel", "--config-block", net.block)
        for strict in (False, True):
            process = net.start_peer("org1", CORE_PEER_DISCOVERY_BINDTOTLSCERTIFICATE=str(strict).lower())
            if not strict:
                net.cli("org1", "channel", "join", "-b", net.block)
            answers = ask(net, python)
            assert answers == WANTED[strict], answers
            print(f"ok   {'strict' if strict else 'as Fabric'}: " + ", ".join(f"{kind}: {said}" for kind, said in answers.items()))
            for program in programs:
                discover(net, program)
                print(f"ok   {'strict' if strict else 'as Fabric'}: {program}")
            process.stop()
            process.log.unlink()  # the next one's first line is waited for


if __name__ == "__main__":
    main()
