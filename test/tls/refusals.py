#!/usr/bin/env python3
"""Every way to get mutual TLS wrong that one machine and one node can provoke: what the log of our orderer or peer says, and the
last line of our `peer` and of an unmodified Go client (grpc-go). Held against expected/<case>.txt; `refusals.py --update [case ...]`
writes them anew, `refusals.py case ...` runs some. Beside it: on_top_of_tls.py, for what takes a network.

Numbers of the cases are those of doc/tls/README.md's catalogue.
"""
import concurrent.futures
import contextlib
import datetime
import difflib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import network  # noqa: E402
from proxy import Proxy  # noqa: E402

BIN = network.ours()
UPDATE = "--update" in sys.argv
WANTED = [word for word in sys.argv[1:] if not word.startswith("-")]


class Case:
    """server: pair of the orderer; roots: its client roots; ca, cert, name, host: the client's side. `go`: False where only
    our tools have such a setting. `node`: "orderer" or "peer"; `settings`: more of its variables. `proxy`: what Proxy takes, to
    stand before it."""

    def __init__(self, number, what, server="server", roots="ca.crt", ca="ca.crt", cert="client", key=None, name=None,
                 host="127.0.0.1", port="main", go=True, ours=True, flags=None, env=None, settings=None, starts=True,
                 go_mode=None, command=None, node="orderer", proxy=None, probes=0):
        self.__dict__.update(locals())


def cases():
    c = Case
    return [
        c("T01", "no client certificate", cert=None),
        c("T02", "a client certificate of another CA", cert="other_client"),
        c("T03", "a client certificate of a CA of the same name with another key", cert="again_client"),
        c("T04", "an enrolment certificate as TLS client certificate", cert="enrolment"),
        c("T05", "the server trusts the identity CA in place of the TLS CA", roots="identity_ca.crt"),
        c("T06", "a client certificate for serverAuth only", cert="server_only"),
        c("T07", "an expired client certificate", cert="expired"),
        c("T08", "a client certificate that is not valid yet", cert="future"),
        c("T09", "an intermediate that was not sent", cert="without_intermediate"),
        c("T10", "the CA's own certificate has expired", roots="expired_ca.crt", cert="of_expired_ca"),
        c("T11", "a client root that is no CA", roots="leaf_as_ca.crt", cert="of_leaf"),
        c("T12", "a client certificate signed with SHA-1", cert="sha1"),
        c("T13", "a key on a curve that TLS has not", cert="other_curve"),
        c("T15", "a bad certificate where none is required", cert="expired",
          settings={"ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED": "false"}),
        c("T16", "the key of another certificate", key="other_client.key"),
        c("T17", "an encrypted key", key="encrypted.key"),
        c("T18", "a certificate in DER", cert="der"),
        c("T19", "certificate and key exchanged", cert="exchanged"),
        c("T20", "client authentication without files", go=False, cert=None, flags=["--clientauth"]),
        c("T21", "files without --clientauth", go=False, flags=["--certfile", "{}/client.crt", "--keyfile", "{}/client.key"], cert=None),
        c("T22", "a CA file that holds a key", ca="client.key", go=False),
        c("T23", "a CA bundle whose second block is broken", ca="second_ca.crt", go=False),
        c("T24", "no CA file", ca="nothing.crt", go=False),
        c("T25", "the client trusts another CA", ca="other_ca.crt"),
        c("T26", "an expired server certificate", server="server_expired"),
        c("T27", "a server certificate that is not valid yet", server="server_future"),
        c("T28", "a name that the certificate has not", host="localhost", server="server_other_name"),
        c("T29", "a server certificate without names", server="server_no_san"),
        c("T30", "dialled by address, names only", server="server_names_only"),
        c("T31", "0.0.0.0 dialled", host="0.0.0.0"),
        c("T32", "a server certificate for clientAuth only", server="server_client_auth"),
        c("T33", "a server that does not send its intermediate", server="server_without_intermediate"),
        c("T34", "an override that the certificate has not", name="peer0.org1"),
        c("T35", "a CA's own certificate as server certificate", server="server_is_ca"),
        c("T36", "an orderer whose key is another's", starts=False, settings={"ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/client.key"}),
        c("T36b", "an orderer whose leaf is not first", starts=False, server="server_leaf_second"),
        c("T37", "an orderer with an encrypted key", starts=False, settings={"ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/encrypted.key"}),
        c("T37b", "an orderer without its certificate file", starts=False, settings={"ORDERER_GENERAL_TLS_CERTIFICATE": "{}/nothing.crt"}),
        c("T38", "client roots that are not there", starts=False, settings={"ORDERER_GENERAL_TLS_CLIENTROOTCAS": "[{}/ca.crt,{}/nothing.crt]"}),
        c("T38b", "client roots as a list with blanks", settings={"ORDERER_GENERAL_TLS_CLIENTROOTCAS": "{}/ca.crt {}/other_ca.crt"},
          cert="other_client"),
        c("T38c", "a peer's client roots in the orderer's form", starts=False, node="peer",
          settings={"CORE_PEER_TLS_CLIENTROOTCAS_FILES": "[{}/ca.crt,{}/nothing.crt]"}),
        c("T39", "half of a client pair", starts=False, node="peer", settings={"CORE_PEER_TLS_CLIENTKEY_FILE": "{}/client.key"}),
        c("T40", "an orderer without TLS", starts=False, settings={"ORDERER_GENERAL_TLS_ENABLED": "false"}),
        c("T41", "an admin listener without client authentication", starts=False,
          settings={"ORDERER_ADMIN_TLS_ENABLED": "true", "ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED": "false"}),
        c("T42", "a plaintext client", go_mode="plain", flags=[], ca=None, cert=None),
        c("T43", "a TLS client on a plaintext port", port="operations"),
        c("T44", "gRPC on the admin port", port="admin"),
        c("T45", "a client at the listener for chaincode", node="peer", port="chaincode"),
        c("T46", "osnadmin in plaintext on the admin port", go=False, command=["osnadmin", "channel", "list", "-o", "{admin}"]),
        c("T47", "a health probe that only opens and closes", ours=False, go=False, probes=3,
          settings={"FABRIC_LOGGING_SPEC": "info:core.comm=debug"}),
        c("T48", "a client of TLS 1.0 and 1.1", ours=False, go_mode="old"),
        c("T49", "a proxy that ends TLS with a certificate of its own CA", proxy=dict(pair="ingress", own="nginx")),
        c("T49b", "a web server in the node's place, with a good certificate", proxy=dict(pair="proxy", alpn=())),
        c("T50", "a proxy that ends TLS and connects with its own certificate", proxy=dict(pair="proxy", own="nginx"), go_mode="deliver"),
        c("T50b", "a request for blocks without the hash of the client's certificate", ours=False, go_mode="deliver_without"),
        c("open_key", "a private key that every user may read", server="open"),
        c("T55", "an expired enrolment certificate", starts=False, settings={"ORDERER_GENERAL_LOCALMSPDIR": "{}/expired_msp"}),
        c("T55b", "an expired enrolment certificate, started all the same", cert="other_client",
          settings={"ORDERER_GENERAL_LOCALMSPDIR": "{}/expired_msp", "ORDERER_GENERAL_STARTWITHEXPIREDIDENTITY": "true"}),
        c("T56", "an enrolment certificate older than its CA", starts=False, settings={"ORDERER_GENERAL_LOCALMSPDIR": "{}/older_msp"}),
        c("T57", "an enrolment key that does not match", starts=False, settings={"ORDERER_GENERAL_LOCALMSPDIR": "{}/mismatched_msp"}),
        c("T58", "a client certificate with none of the names that may come",
          settings={"ORDERER_GENERAL_TLS_CLIENTNAMES": "dns:app2.example.com uri:spiffe://org1/*"}),
    ]


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.go = None
        self.took = {}  # seconds of each case
        self.tls = folder / "tls"
        self.tls.mkdir()
        subprocess.run([BIN / "tls_material", self.tls], check=True)
        (folder / "crypto-config.yaml").write_text(network.CRYPTO)
        subprocess.run([BIN / "cryptogen", "generate", "--config", "crypto-config.yaml", "--output", "crypto"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        openssl = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=self.tls)
        openssl("pkcs8", "-topk8", "-in", "client.key", "-out", "encrypted.key", "-v2", "aes-256-cbc", "-passout", "pass:secret")
        openssl("x509", "-in", "client.crt", "-outform", "DER", "-out", "der.crt")
        openssl("pkey", "-in", "client.key", "-outform", "DER", "-out", "der.key")
        openssl("ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "other_curve.key")
        openssl("req", "-x509", "-new", "-key", "other_curve.key", "-subj", "/CN=app1", "-days", "1", "-out", "other_curve.crt")
        copy = lambda source, target: (self.tls / target).write_bytes((self.tls / source).read_bytes())
        copy("client.key", "exchanged.crt")
        copy("client.crt", "exchanged.key")
        for key in self.tls.glob("*.key"):
            key.chmod(0o600)
        copy("server.key", "open.key")
        copy("server.crt", "open.crt")
        (self.tls / "open.key").chmod(0o644)
        home = folder / "crypto/ordererOrganizations/example.com/orderers/orderer.example.com/msp"
        for name in ("expired_msp", "mismatched_msp", "older_msp"):
            subprocess.run(["cp", "-r", home, self.tls / name], check=True)
        (self.tls / "mismatched_msp/keystore/priv_sk").write_bytes((self.tls / "client.key").read_bytes())
        ca = folder / "crypto/ordererOrganizations/example.com/ca"
        openssl("req", "-new", "-key", home / "keystore/priv_sk", "-subj", "/CN=orderer.example.com/OU=orderer", "-out", "renew.csr")
        database = self.tls / "db"
        database.mkdir()
        (database / "index").write_text("")
        (database / "serial").write_text("1000\n")
        (database / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=db\ndatabase=db/index\nserial=db/serial\n"
                                         "default_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=e\n[p]\ncommonName=supplied\n"
                                         "organizationalUnitName=optional\n[e]\nkeyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n"
                                         "authorityKeyIdentifier=keyid\n")
        begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=3)  # cryptogen's CA is five minutes older
        stamp = lambda time: time.strftime("%y%m%d%H%M%SZ")
        older = datetime.datetime(2024, 1, 1)
        for msp, start, end in (("expired_msp", begun, begun + datetime.timedelta(minutes=2)),
                                ("older_msp", older, older + datetime.timedelta(days=3650))):
            openssl("ca", "-batch", "-config", "db/ca.cnf", "-cert", next(ca.glob("*.pem")), "-keyfile", next(ca.glob("*_sk")), "-in",
                    "renew.csr", "-startdate", stamp(start), "-enddate", stamp(end), "-out",
                    f"{msp}/signcerts/orderer.example.com-cert.pem", "-notext")

    def build_go(self):
        cache = pathlib.Path(os.environ.get("SELVAGE_BUILD", HERE.parents[1] / "build/debug")) / "interop" / "tls"
        cache.mkdir(parents=True, exist_ok=True)
        if not shutil.which("go"):
            return
        for file in (HERE / "go").iterdir():
            target = cache / file.name
            if not target.exists() or target.read_bytes() != file.read_bytes():
                target.write_bytes(file.read_bytes())
        done = subprocess.run(["go", "build", "-o", "client", "."], cwd=cache, capture_output=True, text=True)
        if done.returncode == 0:
            self.go = cache / "client"
        else:
            print("the Go client cannot be built:", done.stderr[-500:])

    def file(self, name):
        return str(self.tls / name)

    def peer_environment(self, case, folder, ports):
        home = self.folder / "crypto/peerOrganizations/org1.example.com/peers/peer0.org1.example.com"
        return {**os.environ, "FABRIC_CFG_PATH": str(network.ROOT / "config"), "FABRIC_LOGGING_FORMAT": "%{level:.4s} %{module} %{message}",
                "CORE_PEER_ID": "peer0", "CORE_PEER_LISTENADDRESS": f"127.0.0.1:{ports['main']}",
                "CORE_PEER_ADDRESS": f"127.0.0.1:{ports['main']}", "CORE_PEER_CHAINCODELISTENADDRESS": f"127.0.0.1:{ports['chaincode']}",
                "CORE_PEER_LOCALMSPID": "Org1MSP", "CORE_PEER_MSPCONFIGPATH": str(home / "msp"), "CORE_PEER_TLS_ENABLED": "true",
                "CORE_PEER_TLS_CLIENTAUTHREQUIRED": "true", "CORE_PEER_TLS_CERT_FILE": self.file(case.server + ".crt"),
                "CORE_PEER_TLS_KEY_FILE": self.file(case.server + ".key"), "CORE_PEER_TLS_ROOTCERT_FILE": self.file("ca.crt"),
                "CORE_PEER_TLS_CLIENTROOTCAS_FILES": self.file(case.roots), "CORE_PEER_FILESYSTEMPATH": str(folder / "data"),
                "CORE_LEDGER_SNAPSHOTS_ROOTDIR": str(folder / "snapshots"), "CORE_VM_ENDPOINT": "",
                "CORE_OPERATIONS_LISTENADDRESS": f"127.0.0.1:{ports['operations']}",
                **{key: value.replace("{}", str(self.tls)) for key, value in (case.settings or {}).items()}}

    def environment(self, case, folder, ports):
        """Of an orderer for this case."""
        return {**os.environ, "FABRIC_CFG_PATH": str(network.ROOT / "config"), "FABRIC_LOGGING_FORMAT": "%{level:.4s} %{module} %{message}",
               "ORDERER_GENERAL_LISTENPORT": str(ports["main"]), "ORDERER_GENERAL_LISTENADDRESS": "0.0.0.0",
               "ORDERER_GENERAL_LOCALMSPID": "OrdererMSP",
               "ORDERER_GENERAL_LOCALMSPDIR": str(self.folder / "crypto/ordererOrganizations/example.com/orderers/orderer.example.com/msp"),
               "ORDERER_GENERAL_TLS_ENABLED": "true", "ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED": "true",
               "ORDERER_GENERAL_TLS_CERTIFICATE": self.file(case.server + ".crt"),
               "ORDERER_GENERAL_TLS_PRIVATEKEY": self.file(case.server + ".key"),
               "ORDERER_GENERAL_TLS_ROOTCAS": f"[{self.file('ca.crt')}]", "ORDERER_GENERAL_TLS_CLIENTROOTCAS": f"[{self.file(case.roots)}]",
               "ORDERER_FILELEDGER_LOCATION": str(folder / "ledger"), "ORDERER_CONSENSUS_WALDIR": str(folder / "wal"),
               "ORDERER_CONSENSUS_SNAPDIR": str(folder / "snap"), "ORDERER_OPERATIONS_LISTENADDRESS": f"127.0.0.1:{ports['operations']}",
               "ORDERER_ADMIN_LISTENADDRESS": f"127.0.0.1:{ports['admin']}", "ORDERER_ADMIN_TLS_ENABLED": "true",
               "ORDERER_ADMIN_TLS_CERTIFICATE": self.file("server.crt"), "ORDERER_ADMIN_TLS_PRIVATEKEY": self.file("server.key"),
               "ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED": "true", "ORDERER_ADMIN_TLS_CLIENTROOTCAS": f"[{self.file('ca.crt')}]",
               **{key: value.replace("{}", str(self.tls)) for key, value in (case.settings or {}).items()}}

    # -- one case ---------------------------------------------------------------------------------------------------
    def run(self, case):
        begun = time.monotonic()
        folder = self.folder / case.number
        folder.mkdir()
        ports = dict(zip(("main", "admin", "operations", "chaincode"), PORTS.take(4)))
        env = (self.environment if case.node == "orderer" else self.peer_environment)(case, folder, ports)
        command = [str(BIN / case.node)] + (["node", "start"] if case.node == "peer" else [])
        node = network.Process(case.node, command, env, folder)
        said = [f"# {case.what}"]
        try:
            if not case.starts:
                node.popen.wait(60)
                return said + ["", f"{case.node}'s last line"] + [line for line in node.text().splitlines()
                                                                  if re.match("ERRO |Error: ", line)][-1:]
            node.wait_for("Beginning to serve requests" if case.node == "orderer" else "Started peer with ID=", 60)
            warnings = [line for line in node.text().splitlines() if line.startswith("WARN certmonitor")]
            if warnings:
                said += ["", f"{case.node} at start"] + warnings
            with contextlib.ExitStack() as stack:
                if case.proxy:
                    pair = lambda name: name and (self.file(name + ".crt"), self.file(name + ".key"))
                    own = pair(case.proxy.get("own"))
                    proxy = stack.enter_context(Proxy(pair(case.proxy["pair"]), ports["main"] if own else None, own,
                                                      case.proxy.get("alpn", ("h2",))))
                    ports["proxy"] = proxy.port
                said += self.clients(case, ports, node)
        finally:
            node.stop()
            self.took[case.number] = time.monotonic() - begun
        return said

    def clients(self, case, ports, node):
        said = []
        target = f"{case.host}:{ports['proxy' if case.proxy else case.port]}"
        if case.probes:
            for _ in range(case.probes):
                socket.create_connection(("127.0.0.1", ports["main"])).close()
            node.wait_for(f"(?:Server TLS handshake failed.*EOF[^$]*){{{case.probes}}}")
            lines = [line for line in node.text().splitlines() if "TLS handshake failed" in line]
            return said + ["", "server, for each probe"] + sorted({re.sub(" (in [0-9.]+(ns|\u00b5s|ms|s)|server=.*)", "", line) for line in lines})
        before, record = len(node.text()), None
        if case.ours:
            lines = self.ours(case, target, ports)
            record = self.record(node, before, wait=not case.go)
            if record:
                said += record
            said_by_us = ["", "ours"] + lines[-1:]
        if case.go:
            mode = case.go_mode or "call"
            words = {"plain": ["plain", target], "old": ["old", target, self.file("ca.crt")]}.get(mode) or \
                [mode, target, case.name or "-", self.file(case.ca or "ca.crt"), self.file(case.cert + ".crt") if case.cert else "-",
                 self.file(case.key or (case.cert or "") + ".key")]
            if self.go is None:
                last = ["(no Go toolchain)"]
            else:
                last = subprocess.run([self.go, *words], capture_output=True, text=True, timeout=60).stdout.strip().splitlines()[-1:]
        if not record:
            # Nothing of ours reached the node: what it says of the other client.
            said += self.record(node, before, wait=True) or ["", "server", "(says nothing)"]
        if case.ours:
            said += said_by_us
        if case.go:
            said += ["", "go"] + last
        return said

    def ours(self, case, target, ports):
        user = self.folder / "crypto/peerOrganizations/org1.example.com/users/Admin@org1.example.com/msp"
        env = {**os.environ, "FABRIC_CFG_PATH": str(network.ROOT / "config"), "CORE_PEER_LOCALMSPID": "Org1MSP",
               "CORE_PEER_MSPCONFIGPATH": str(user), **(case.env or {})}
        if case.command:
            words = [word.format(admin=f"127.0.0.1:{ports['admin']}") for word in case.command]
        else:
            words = ["peer", "channel", "fetch", "newest", "block", "-c", "mychannel", "-o", target]
            if case.ca:
                words += ["--tls", "--cafile", self.file(case.ca)]
            if case.cert:
                words += ["--clientauth", "--certfile", self.file(case.cert + ".crt"), "--keyfile", self.file(case.key or case.cert + ".key")]
            if case.name:
                words += ["--ordererTLSHostnameOverride", case.name]
            words += [flag.replace("{}", str(self.tls)) for flag in case.flags or []]
        done = subprocess.run([BIN / words[0], *words[1:]], env=env, cwd=self.folder, capture_output=True, text=True, timeout=60)
        return (done.stdout + done.stderr).strip().splitlines()

    def record(self, node, before, wait):
        """Go's line and our record of the first refusal since then; empty: there is none. The log is written when the client has its
        answer, or soon."""
        deadline = time.monotonic() + (0.8 if wait else 0.2)
        why = r"\n(?:WARN \S+ )Why the TLS handshake failed\n((?:   .*\n)+)"
        while True:
            text = node.text()[before:]
            for line in (r"^ERRO \S+ (Server TLS handshake failed.*)" + why, r"^WARN (\S+ http: TLS handshake error.*)" + why,
                         r"^WARN (\S+ error parsing envelope from .*\n)()"):
                if found := re.search(line, text, re.M):
                    return ["", "server", found.group(1).rstrip("\n")] + found.group(2).rstrip("\n").splitlines()
            if time.monotonic() > deadline:
                return []
            time.sleep(0.02)  # between two looks at a file

    def normal(self, lines):
        text = "\n".join(lines)
        for pattern, sign in ((re.escape(str(self.tls)), "<tls>"), (re.escape(str(self.folder)), "<dir>"),
                              (r"(127\.0\.0\.1|0\.0\.0\.0|localhost):\d+", r"\1:<port>"), (r"\[::1\]:\d+", "[::1]:<port>"),
                              (r"(in|after) [0-9.]+(ns|\u00b5s|ms|s|m)\b", r"\1 <time>"), (r"current time \S+", "current time <now>"),
                              (r"clock says [0-9T:Z-]+", "clock says <now>"), (r"\d+ days ago", "<n> days ago"),
                              (r"expired [0-9hms.]+ ago", "expired <time> ago"), (r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT[0-9:]{8}Z(?= *[,;(]|$)", "<date>"),
                              (r"serial [0-9a-f]{8,}", "serial <serial>"), (r"sha256 [0-9a-f]{64}", "sha256 <hash>"),
                              (r"(claimed|has) [0-9a-f]{64}", r"\1 <hash>"), (r"\[(?:\d+ ){31}\d+\]", "[<bytes>]"),
                              (r"(key(?: id)?|says) [0-9a-f]{8,16}\.\.", r"\1 <id>.."), (r" server=\S+ remoteaddress=\S+", ""),
                              (r"valid from [0-9T:Z-]+", "valid from <date>"), (r"(core|orderer)\.yaml:\d+", r"\1.yaml:<line>"),
                              (r"\x1b\[[0-9;]*m", ""), (r"^\d{4}-\d\d-\d\d \S+ \S+ \S+ ", "")):
            text = re.sub(pattern, sign, text, flags=re.M)
        return text + "\n"


PORTS = network.PORTS
# Our client says itself what is wrong, or cannot be made to do it: without Go nobody asks the server.
ONLY_GO_GETS_THERE = {"T12", "T48", "T50b"}


def main():
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(pathlib.Path(name).resolve())
        bench.build_go()
        chosen = [case for case in cases() if not WANTED or case.number in WANTED]
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda case: bench.normal(bench.run(case)), chosen))
    bad = 0
    for case, result in zip(chosen, results):
        file = HERE / "expected" / f"{case.number}.txt"
        expected = file.read_text() if file.exists() else ""
        if bench.go is None:
            expected = re.sub(r"\ngo\n.*\n", "\ngo\n(no Go toolchain)\n", expected)
            if case.number in ONLY_GO_GETS_THERE:
                expected = re.sub(r"\nserver\n(?:.+\n)+", "\nserver\n(says nothing)\n", expected)
        if UPDATE:
            file.write_text(result)
        elif result != expected:
            bad += 1
            print(f"FAIL {case.number}: {case.what}")
            print("\n".join(difflib.unified_diff(expected.splitlines(), result.splitlines(), "expected", "said", lineterm="")))
        else:
            print(f"ok   {case.number}: {case.what}")
    slow = sorted(bench.took.items(), key=lambda item: -item[1])[:5]
    print("slowest: " + ", ".join(f"{number} {seconds:.1f} s" for number, seconds in slow))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
