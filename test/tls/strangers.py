#!/usr/bin/env python3
"""What other people's clients read after a refusal, and that a crowd of strangers keeps nobody out.

- Explain mode (`client`): grpc-go, grpc-js, grpcio and grpc-java, all unmodified, print the sentence; so does our CLI, and
  upstream's where FABRIC_GO_BIN has it. On the main listeners only. `off`: Go's line and nothing else.
- A thousand refused TLS 1.3 handshakes: the Go client reads the alert each time, never a broken pipe or a reset.
- 10,000 idle sockets from 127.0.0.2: a client on 127.0.0.3 is served within a second. The oldest go first, and none stays
  beyond the time of a handshake.

Beside it: strangers_keys.py (kinds of keys), strangers_daemons.py (upstream's peer).
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import resource
import shutil
import socket
import ssl
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
    case = refusals.Case(name, name, settings={f"ORDERER_GENERAL_{key}": value for key, value in more.items()})
    folder = bench.folder / name
    folder.mkdir()
    ports = dict(zip(("main", "admin", "operations"), PORTS.take(3)))
    process = network.Process("orderer", [str(BIN / "orderer")], bench.environment(case, folder, ports), folder)
    try:
        process.wait_for("Beginning to serve requests", 60)
        process.port, process.plain, process.admin = ports["main"], ports["operations"], ports["admin"]
        yield process
    finally:
        process.stop()


def fetch(command, where):
    return subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode == 0


def newer(made, *sources):
    return made.exists() and made.stat().st_mtime >= max(source.stat().st_mtime for source in sources)


def grpcio():
    """A Python that has grpcio, kept in the build tree; None: it cannot be had here."""
    python = CACHE / "python"
    run = python / "bin/python"
    if not run.exists() and not fetch([sys.executable, "-m", "venv", str(python)], "."):
        return None
    if list(python.glob("lib/*/site-packages/grpc")) or fetch([run, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "grpcio"], "."):
        return run
    return None


def clients(bench):
    """Name -> command before its arguments, <address> <CA file> {<certificate> <key>}; what cannot be had here is left out and
    said. Packages and classes stay in the build tree."""
    found = {}
    if bench.go:
        found["grpc-go"] = [bench.go, "calls"]
    node = CACHE / "js"
    node.mkdir(parents=True, exist_ok=True)
    if shutil.which("npm") and ((node / "node_modules/@grpc/grpc-js").exists() or
                                fetch(["npm", "install", "--no-audit", "--no-fund", "@grpc/grpc-js@1.14"], node)):
        shutil.copy(HERE / "clients/call.js", node)
        found["grpc-js"] = ["node", node / "call.js"]
    if python := grpcio():
        found["grpcio"] = [python, HERE / "clients/call.py"]
    java, source = CACHE / "java", HERE / "clients/Call.java"
    java.mkdir(parents=True, exist_ok=True)
    if shutil.which("mvn") and shutil.which("javac"):
        if not (java / "jars").exists():
            shutil.copy(HERE.parent / "interop/grpc/java/pom.xml", java)
            fetch(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"], java)
        if newer(java / "tls_classes/Call.class", source) or fetch(["javac", "-nowarn", "-cp", "jars/*", "-d", "tls_classes", source], java):
            # A short life: no second compiler, one collector thread.
            found["grpc-java"] = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{java}/tls_classes:{java}/jars/*", "Call"]
    for name in ("grpc-go", "grpc-js", "grpcio", "grpc-java"):
        if name not in found:
            print(f"skipped: {name} cannot be had here")
    return found


def ask(bench, everybody, address, wanted):
    """(client, certificate, how its call ended); one process a client, all at once. wanted: client's name -> certificates."""
    def run(name):
        words = [*everybody[name], address, bench.file("ca.crt")]
        for certificate in wanted(name):
            words += [bench.file(certificate + ".crt"), bench.file(certificate + ".key")]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120)
        lines = done.stdout.strip().splitlines()
        return lines if len(lines) == len(wanted(name)) else ["\n".join(lines) + done.stderr] * len(wanted(name))
    with concurrent.futures.ThreadPoolExecutor(max(len(everybody), 1)) as pool:
        for name, lines in zip(everybody, pool.map(run, everybody)):
            for certificate, line in zip(wanted(name), lines):
                yield name, certificate, line


def explained(bench, everybody):
    with orderer(bench, "explain", TLS_EXPLAIN="client") as process:
        address = f"127.0.0.1:{process.port}"
        told = {"expired": ("CN=app1", "TLS-07"), "other_client": ("TLS-0",)}
        for name, cert, last in ask(bench, everybody, address, lambda name: list(told)):
            check(f"{name} is told in words ({cert})", "mutual TLS:" in last and all(word in last for word in told[cert]), last)
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


def answer_to_expired(bench, port, alpn):
    """How a listener answers a client whose certificate has expired: "alert", or "words" when the handshake holds."""
    context = ssl.create_default_context(cafile=bench.file("ca.crt"))
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the chaincode listener has a CA of its own
    context.load_cert_chain(bench.file("expired.crt"), bench.file("expired.key"))
    context.set_alpn_protocols([alpn])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return "words" if tls.recv(9) else "end"
    except ssl.SSLError as error:
        return "alert" if "ALERT" in str(error) else str(error)


def explained_on_main_listeners_only(bench):
    """The setting is for the peer's main and the orderer's general listener; all others answer with an alert."""
    tls = lambda prefix: {f"{prefix}_TLS_ENABLED": "true", f"{prefix}_TLS_CLIENTAUTHREQUIRED": "true"}
    pair = {"CERTIFICATE": "{}/server.crt", "PRIVATEKEY": "{}/server.key", "CLIENTROOTCAS": "[{}/ca.crt]"}
    orderer_settings = {"ORDERER_GENERAL_TLS_EXPLAIN": "client", **tls("ORDERER_OPERATIONS"),
                        **{f"ORDERER_OPERATIONS_TLS_{key}": value for key, value in pair.items()},
                        "ORDERER_GENERAL_CLUSTER_LISTENADDRESS": "127.0.0.1", "ORDERER_GENERAL_CLUSTER_SERVERCERTIFICATE": "{}/server.crt",
                        "ORDERER_GENERAL_CLUSTER_SERVERPRIVATEKEY": "{}/server.key", "ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE": "{}/server.crt",
                        "ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY": "{}/server.key", "ORDERER_GENERAL_CLUSTER_ROOTCAS": "[{}/ca.crt]"}
    peer_settings = {"CORE_PEER_TLS_EXPLAIN": "client", **tls("CORE_OPERATIONS"), "CORE_OPERATIONS_TLS_CERT_FILE": "{}/server.crt",
                     "CORE_OPERATIONS_TLS_KEY_FILE": "{}/server.key", "CORE_OPERATIONS_TLS_CLIENTROOTCAS_FILES": "{}/ca.crt"}
    for node, settings, ready in (("orderer", orderer_settings, "Beginning to serve requests"), ("peer", peer_settings, "Started peer with ID=")):
        folder = bench.folder / ("only_" + node)
        folder.mkdir()
        ports = dict(zip(("main", "admin", "operations", "chaincode", "cluster"), PORTS.take(5)))
        if node == "orderer":
            settings["ORDERER_GENERAL_CLUSTER_LISTENPORT"] = str(ports["cluster"])
        case = refusals.Case(node, node, node=node, settings=settings)
        env = (bench.environment if node == "orderer" else bench.peer_environment)(case, folder, ports)
        process = network.Process(node, [str(BIN / node), *(["node", "start"] if node == "peer" else [])], env, folder)
        try:
            process.wait_for(ready, 60)
            others = ("admin", "operations", "cluster") if node == "orderer" else ("operations", "chaincode")
            answers = {name: answer_to_expired(bench, ports[name], "http/1.1" if name in ("admin", "operations") else "h2")
                       for name in ("main", *others)}
            check(f"explain mode of the {node} is for its main listener only", answers == {"main": "words", **dict.fromkeys(others, "alert")},
                  f"{answers}\n{process.text()[-1000:]}")
        finally:
            process.stop()


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


# Opens sockets and says nothing. For each line of input: how many the server has closed, and whether those are the oldest.
IDLE = """
import errno, resource, socket, sys
count, port = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
held = []
for _ in range(count):
    one = socket.socket()
    one.bind(("127.0.0.2", 0))
    one.connect(("127.0.0.1", port))
    one.setblocking(False)
    held.append(one)
def closed(one):
    try:
        return one.recv(64, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
print("open", flush=True)
for line in sys.stdin:
    gone = [closed(one) for one in held]
    print(sum(gone), gone == sorted(gone, reverse=True), flush=True)
"""


def served(bench, port):
    """Seconds until an honest client on 127.0.0.3 has the server's SETTINGS."""
    context = ssl.create_default_context(cafile=bench.file("ca.crt"))
    context.load_cert_chain(bench.file("client.crt"), bench.file("client.key"))
    context.set_alpn_protocols(["h2"])
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=("127.0.0.3", 0)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            head = tls.recv(9)
            assert len(head) == 9 and head[3] == 4, head
    return time.monotonic() - begun


def crowd(bench):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = 10000
    if hard != resource.RLIM_INFINITY and hard < count + 100:
        return print(f"skipped: the crowd needs {count} open files, this system allows {hard}")
    with orderer(bench, "crowd") as process:
        idle = subprocess.Popen([sys.executable, "-c", IDLE, str(count), str(process.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)

        def look():
            idle.stdin.write("\n")
            idle.stdin.flush()
            gone, oldest_first = idle.stdout.readline().split()
            return int(gone), oldest_first == "True"

        try:
            check(f"{count} sockets from 127.0.0.2 are open", idle.stdout.readline() == "open\n")
            # On a machine that does other things one try may have to wait for its turn; what the crowd costs shows in all.
            took = [served(bench, process.port) for _ in range(3)]
            check("a client on 127.0.0.3 is served meanwhile, within a second", min(took) < 1, took)
            gone, oldest_first = look()
            check("the oldest went first", oldest_first and gone >= count - 1024, f"{gone} are gone")
            deadline = time.monotonic() + 60
            while gone < count and time.monotonic() < deadline:
                time.sleep(0.1)  # between two looks; what counts is the deadline
                gone, _ = look()
            check("and the last did not stay beyond the time of a handshake", gone == count, f"{gone} of {count} are gone")
        finally:
            idle.stdin.close()
            idle.wait(60)


def run(*parts):
    with tempfile.TemporaryDirectory() as name:
        bench = refusals.Bench(pathlib.Path(name).resolve())
        bench.build_go()
        for part in parts:
            begun = time.monotonic()
            part(bench)
            print(f"     {part.__name__}: {time.monotonic() - begun:.0f} s", flush=True)
    sys.exit(1 if failures else 0)


def told_in_words(bench):
    explained(bench, clients(bench))
    explained_on_main_listeners_only(bench)


def comes_back(bench):
    """Go's client with a session cache: resumed only where General.TLS.Resumption is on."""
    for on in (False, True):
        with orderer(bench, f"resumption_{on}", TLS_RESUMPTION=str(on).lower()) as process:
            done = subprocess.run([bench.go, "resume", f"127.0.0.1:{process.port}", bench.file("ca.crt"), bench.file("client.crt"),
                                   bench.file("client.key")], capture_output=True, text=True, timeout=60)
            check(f"a Go client's second connection is {'' if on else 'not '}resumed",
                  done.stdout.split("\n")[:2] == ["resumed: false", f"resumed: {str(on).lower()}"], done.stdout)


def to_go(bench):
    if bench.go:
        comes_back(bench)
        go_line_only(bench)
        alerts_arrive(bench)


if __name__ == "__main__":
    run(told_in_words, to_go, crowd)
