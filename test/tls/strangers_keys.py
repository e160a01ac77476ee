#!/usr/bin/env python3
"""Certificates with ECDSA (P-256, P-384, P-521), RSA and Ed25519 keys work on both sides, with grpc-go, grpc-js, grpcio and
grpc-java, all unmodified."""
from strangers import ask, check, clients, orderer, run

KINDS = ("p256", "p384", "p521", "rsa", "ed25519")
# BoringSSL, which grpcio and grpc-java are built with, knows neither; it is no fault of ours.
UNKNOWN = {"grpcio": {"ed25519", "p521"}, "grpc-java": {"ed25519", "p521"}}


def kinds_of_keys(bench):
    everybody = clients(bench)
    for server in KINDS:
        def wanted(name):
            # Go is quick: all pairs; for the others each kind of server with P-256, and each kind of client with P-256.
            if server in UNKNOWN.get(name, ()):
                return []
            return [kind for kind in (KINDS if name == "grpc-go" or server == "p256" else ("p256",)) if kind not in UNKNOWN.get(name, ())]
        with orderer(bench, "kind_" + server, TLS_CERTIFICATE=bench.file(server + ".crt"), TLS_PRIVATEKEY=bench.file(server + ".key")) as process:
            can = {name: command for name, command in everybody.items() if wanted(name)}
            for name, client, last in ask(bench, can, f"127.0.0.1:{process.port}", wanted):
                check(f"{name} with a {client} key at a server with a {server} key", "unknown method Nothing" in last, last)


if __name__ == "__main__":
    run(kinds_of_keys)
