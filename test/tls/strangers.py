#!/usr/bin/env python3
"""What other people's clients read after a refusal, and that a crowd of strangers keeps nobody out.

- Explain mode (`client`): grpc-go, grpc-js, grpcio and grpc-java, all unmodified, print the sentence; so does our CLI, and
  upstream's where FABRIC_GO_BIN has it. `off`: Go's line and nothing else.
- A thousand refused TLS 1.3 handshakes: the Go client reads the alert each time, never a broken pipe or a reset.
- Upstream's peer as a daemon (with FABRIC_GO_BIN) does not hot-loop against explain mode.
- Certificates with ECDSA (P-256, P-384, P-521), RSA and Ed25519 keys work on both sides, with all of these clients.
- 10,000 idle sockets from 127.0.0.2: a client on 127.0.0.3 is served within a second.
"""
import contextlib
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.argv = sys.argv[:1]
import refusals  # noqa: E402
from refusals import BIN, PORTS, network  # noqa: E402

CACHE = pathlib.Path(os.environ.get("SELVAGE_BUILD", HERE.parents[1] / "build/debug")) / "interop" / "grpc"
failures = 0


def check(what, good, detail=""):
    global failures
    failures += not good
    print(("ok   " if good else "FAIL ") + what + ("" if good else f"\n     {detail}"), flush=True)


@contextlib.contextmanager
def orderer(bench, name, **more):
    case = refusals.Case(name, name, orderer={f"ORDERER_GENERAL_{key}": value for key, value in more.items()})
    folder = bench.folder / name
    folder.mkdir()
    ports = dict(zip(("orderer", "admin", "operations"), PORTS.take(3)))
    process = network.Process("orderer", [str(BIN / "orderer")], bench.environment(case, folder, ports), folder)
    try:
        process.wait_for("Beginning to serve requests", 60)
        process.port = ports["orderer"]
        yield process
    finally:
        process.stop()


def fetch(command, where):
    return subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode == 0


def clients(bench):
    """Name -> command before its four arguments; what cannot be had here is left out and said."""
    found = {}
    if bench.go:
        found["grpc-go"] = lambda a, ca, crt, key: [bench.go, "call", a, "-", ca, crt, key]
    node = CACHE / "js"
    node.mkdir(parents=True, exist_ok=True)
    if shutil.which("npm") and ((node / "node_modules/@grpc/grpc-js").exists() or
                                fetch(["npm", "install", "--no-audit", "--no-fund", "@grpc/grpc-js@1.14"], node)):
        shutil.copy(HERE / "clients/call.js", node)
        found["grpc-js"] = lambda a, ca, crt, key: ["node", node / "call.js", a, ca, crt, key]
    python = CACHE / "python"
    if (python / "bin/python").exists() or fetch([sys.executable, "-m", "venv", str(python)], "."):
        run = python / "bin/python"
        if fetch([run, "-c", "import grpc"], ".") or fetch([run, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "grpcio"], "."):
            found["grpcio"] = lambda a, ca, crt, key: [run, HERE / "clients/call.py", a, ca, crt, key]
    java = CACHE / "java"
    java.mkdir(parents=True, exist_ok=True)
    if shutil.which("mvn") and shutil.which("javac"):
        if not (java / "jars").exists():
            shutil.copy(HERE.parent / "interop/grpc/java/pom.xml", java)
            fetch(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"], java)
        if fetch(["javac", "-nowarn", "-cp", "jars/*", "-d", "tls_classes", HERE / "clients/Call.java"], java):
            path = f"{java}/tls_classes:{java}/jars/*"
            found["grpc-java"] = lambda a, ca, crt, key: ["java", "-cp", path, "Call", *a.split(":"), ca, crt, key]
    for name in ("grpc-go", "grpc-js", "grpcio", "grpc-java"):
        if name not in found:
            print(f"skipped: {name} cannot be had here")
    return found


# BoringSSL, which grpcio and grpc-java are built with, knows neither; it is no fault of ours.
UNKNOWN = {"grpcio": {"ed25519", "p521"}, "grpc-java": {"ed25519", "p521"}}


def kinds_of_keys(bench):
    """Every kind of key on either side, against every client."""
    kinds = ("p256", "p384", "p521", "rsa", "ed25519")
    every = clients(bench)
    for server in kinds:
        with orderer(bench, "kind_" + server, TLS_CERTIFICATE=bench.file(server + ".crt"), TLS_PRIVATEKEY=bench.file(server + ".key")) as process:
            for name, command in every.items():
                # Go is quick: all pairs; for the others the server's kind with P-256, and P-256 with each kind of client.
                for client in kinds if name == "grpc-go" or server == "p256" else ("p256",):
                    if {server, client} & UNKNOWN.get(name, set()):
                        continue
                    done = subprocess.run(list(map(str, command(f"127.0.0.1:{process.port}", bench.file("ca.crt"), bench.file(client + ".crt"),
                                                                bench.file(client + ".key")))), capture_output=True, text=True, timeout=60)
                    last = (done.stdout.strip().splitlines() or [done.stderr])[-1]
                    check(f"{name} with a {client} key at a server with a {server} key", "unknown method Nothing" in last, last)


def explained(bench):
    with orderer(bench, "explain", TLS_EXPLAIN="client") as process:
        address = f"127.0.0.1:{process.port}"
        for name, command in clients(bench).items():
            for cert, words in (("expired", ("CN=app1", "TLS-07")), ("other_client", ("TLS-0",))):
                done = subprocess.run(list(map(str, command(address, bench.file("ca.crt"), bench.file(cert + ".crt"), bench.file(cert + ".key")))),
                                      capture_output=True, text=True, timeout=60)
                last = (done.stdout.strip().splitlines() or [done.stderr])[-1]
                check(f"{name} is told in words ({cert})", "mutual TLS:" in last and all(word in last for word in words), last)
        peers = {"our peer": BIN / "peer"}
        if os.environ.get("FABRIC_GO_BIN"):
            peers["upstream's peer"] = pathlib.Path(os.environ["FABRIC_GO_BIN"]) / "peer"
        user = bench.folder / "crypto/peerOrganizations/org1.example.com/users/Admin@org1.example.com/msp"
        for name, program in peers.items():
            done = subprocess.run([program, "channel", "fetch", "newest", "block", "-c", "mychannel", "-o", address, "--tls", "--cafile",
                                   bench.file("ca.crt"), "--clientauth", "--certfile", bench.file("expired.crt"), "--keyfile",
                                   bench.file("expired.key")], capture_output=True, text=True, timeout=60, cwd=bench.folder,
                                  env={**os.environ, "FABRIC_CFG_PATH": str(network.ROOT / "config"), "CORE_PEER_LOCALMSPID": "Org1MSP",
                                       "CORE_PEER_MSPCONFIGPATH": str(user)})
            last = (done.stdout + done.stderr).strip().splitlines()[-1]
            check(f"{name} prints the sentence last", "mutual TLS: your client certificate (subject CN=app1" in last, last)


def go_line_only(bench):
    with orderer(bench, "off", TLS_EXPLAIN="off") as process:
        for cert, alert in (("server_only", "bad certificate"), ("expired", "expired certificate")):
            done = subprocess.run([bench.go, "call", f"127.0.0.1:{process.port}", "-", bench.file("ca.crt"), bench.file(cert + ".crt"),
                                   bench.file(cert + ".key")], capture_output=True, text=True, timeout=60)
            check(f"off: Go's alert for {cert}", f"remote error: tls: {alert}" in done.stdout, done.stdout)
        process.wait_for("certificate has expired or is not yet valid")
        check("off: Go's line and no record", "Why the TLS handshake failed" not in process.text())


def alerts_arrive(bench):
    with orderer(bench, "flood") as process:
        done = subprocess.run([bench.go, "flood", f"127.0.0.1:{process.port}", bench.file("ca.crt"), bench.file("other_client.crt"),
                               bench.file("other_client.key"), "1000"], capture_output=True, text=True, timeout=300)
        check("1,000 refused handshakes: the alert arrives each time",
              done.stdout.strip() == "1000 remote error: tls: unknown certificate authority", done.stdout)
        records = len(re.findall("Why the TLS handshake failed", process.text()))
        lines = len(re.findall("Server TLS handshake failed", process.text()))
        check("and the log holds few lines of one source", 1 <= records <= 3 and lines <= 200, f"{records} records, {lines} lines")


def daemons_keep_calm(bench):
    """Upstream's peer, whose certificate our orderer refuses in words, asks for blocks as seldom as after an alert."""
    if not os.environ.get("FABRIC_GO_BIN"):
        return print("skipped: FABRIC_GO_BIN names no folder with Fabric's programs")
    theirs = pathlib.Path(os.environ["FABRIC_GO_BIN"])
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


IDLE = """
import resource, socket, sys, time
count, port = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
held = []
for _ in range(count):
    one = socket.socket()
    one.bind(("127.0.0.2", 0))
    one.connect(("127.0.0.1", port))
    held.append(one)
print("open", flush=True)
sys.stdin.read()
"""


def crowd(bench):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = 10000
    if hard != resource.RLIM_INFINITY and hard < count + 100:
        return print(f"skipped: the crowd needs {count} open files, this system allows {hard}")
    with orderer(bench, "crowd") as process:
        idle = subprocess.Popen([sys.executable, "-c", IDLE, str(count), str(process.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
        try:
            check(f"{count} sockets from 127.0.0.2 are open", idle.stdout.readline() == "open\n")
            import ssl
            context = ssl.create_default_context(cafile=bench.file("ca.crt"))
            context.load_cert_chain(bench.file("client.crt"), bench.file("client.key"))
            context.set_alpn_protocols(["h2"])
            begun = time.monotonic()
            raw = socket.create_connection(("127.0.0.1", process.port), timeout=20, source_address=("127.0.0.3", 0))
            tls = context.wrap_socket(raw, server_hostname="localhost")
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            head = tls.recv(9)
            took = time.monotonic() - begun
            check("a client on 127.0.0.3 is served meanwhile, within a second", len(head) == 9 and head[3] == 4 and took < 1, f"{took:.2f} s, {head}")
            tls.close()
        finally:
            idle.stdin.close()
            idle.wait(60)


def main():
    with tempfile.TemporaryDirectory() as name:
        bench = refusals.Bench(pathlib.Path(name).resolve())
        bench.build_go()
        explained(bench)
        kinds_of_keys(bench)
        if bench.go:
            go_line_only(bench)
            alerts_arrive(bench)
        daemons_keep_calm(bench)
        crowd(bench)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
