#!/usr/bin/env python3
"""Before certificates are demanded: everybody is served, and `selvage doctor tls watch` tells who would be refused."""
import subprocess

from strangers import BIN, PORTS, check, network, refusals, run

ORDERER = {"ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED": "false", "ORDERER_OPERATIONS_TLS_ENABLED": "true",
           "ORDERER_OPERATIONS_TLS_CERTIFICATE": "{}/server.crt", "ORDERER_OPERATIONS_TLS_PRIVATEKEY": "{}/server.key",
           "ORDERER_OPERATIONS_TLS_CLIENTAUTHREQUIRED": "true", "ORDERER_OPERATIONS_TLS_CLIENTROOTCAS": "[{}/ca.crt]"}


def watch(bench):
    if not bench.go:
        return print("skipped: no Go toolchain")
    folder = bench.folder / "watch"
    folder.mkdir()
    ports = dict(zip(("main", "admin", "operations"), PORTS.take(3)))
    case = refusals.Case("watch", "watch", settings=ORDERER)
    process = network.Process("orderer", [str(BIN / "orderer")], bench.environment(case, folder, ports), folder)
    try:
        process.wait_for("Beginning to serve requests", 60)
        for certificate in ("client", "expired", None):
            pair = [bench.file(certificate + ".crt"), bench.file(certificate + ".key")] if certificate else ["-", "-"]
            done = subprocess.run([bench.go, "call", f"127.0.0.1:{ports['main']}", "-", bench.file("ca.crt"), *pair], capture_output=True,
                                  text=True, timeout=60)
            check(f"served: {certificate or 'no certificate'}", "unknown method Nothing" in done.stdout, done.stdout)
        done = subprocess.run([BIN / "selvage", "doctor", "tls", "watch", "--once", "--node", f"127.0.0.1:{ports['operations']}", "--cafile",
                               bench.file("ca.crt"), "--certfile", bench.file("client.crt"), "--keyfile", bench.file("client.key")],
                              capture_output=True, text=True, timeout=60)
        check("two of three would be refused, and why", done.returncode == 1 and done.stdout.count("REFUSED") == 2 and
              "TLS-01" in done.stdout and "TLS-07" in done.stdout and done.stdout.count("ok   ") == 1, done.stdout + done.stderr)
    finally:
        process.stop()


if __name__ == "__main__":
    run(watch)
