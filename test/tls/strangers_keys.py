#!/usr/bin/env python3
"""Certificates with ECDSA (P-256, P-384, P-521), RSA and Ed25519 keys work on both sides, over TLS 1.3 and 1.2, with grpc-go,
grpc-js, grpcio and grpc-java, all unmodified. grpcio has no setting for the version: Python's own ssl stands in for 1.2."""
import os
import sys

from strangers import HERE, ask, check, clients, orderer, run

KINDS = ("p256", "p384", "p521", "rsa", "ed25519")
# BoringSSL, which grpcio and grpc-java are built with, knows neither; it is no fault of ours.
UNKNOWN = {"grpcio": {"ed25519", "p521"}, "grpc-java": {"ed25519", "p521"}}
QUICK = ("grpc-go", "python")  # all pairs; the others each kind of server with P-256, and each kind of client with P-256


def for_tls12(everybody):
    """The same clients held to TLS 1.2: by SELVAGE_TEST_TLS12 or by a word of their own."""
    held = {name: list(command) for name, command in everybody.items() if name != "grpcio"}
    if "grpc-js" in held:
        held["grpc-js"].insert(1, "--tls-max-v1.2")
    return {**held, "python": [sys.executable, HERE / "clients/handshake.py"]}


def kinds_of_keys(bench):
    everybody = clients(bench)
    for server in KINDS:
        def wanted(name):
            if server in UNKNOWN.get(name, ()):
                return []
            kinds = KINDS if name in QUICK or server == "p256" else ("p256",)
            return [kind for kind in kinds if kind not in UNKNOWN.get(name, ())]
        with orderer(bench, "kind_" + server, TLS_CERTIFICATE=bench.file(server + ".crt"), TLS_PRIVATEKEY=bench.file(server + ".key")) as process:
            for version, these in (("1.3", everybody), ("1.2", for_tls12(everybody))):
                os.environ.pop("SELVAGE_TEST_TLS12", None)
                if version == "1.2":
                    os.environ["SELVAGE_TEST_TLS12"] = "1"
                can = {name: command for name, command in these.items() if wanted(name)}
                for name, client, last in ask(bench, can, f"127.0.0.1:{process.port}", wanted):
                    check(f"TLS {version}: {name} with a {client} key at a server with a {server} key",
                          "unknown method Nothing" in last or last == "served over TLSv1.2", last)


if __name__ == "__main__":
    run(kinds_of_keys)
