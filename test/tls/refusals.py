#!/usr/bin/env python3
"""Every way to get mutual TLS wrong that one machine can provoke, against our orderer: what its log says, and the last line
of our `peer` and of an unmodified Go client (grpc-go). Held against expected/<case>.txt; `refusals.py --update [case ...]`
writes them anew, `refusals.py case ...` runs some.

Numbers of the cases are those of doc/tls/README.md's catalogue.
"""
import concurrent.futures
import datetime
import difflib
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
import network  # noqa: E402

BIN = network.ours()
UPDATE = "--update" in sys.argv
WANTED = [word for word in sys.argv[1:] if not word.startswith("-")]


class Case:
    """server: pair of the orderer; roots: its client roots; ca, cert, name, host: the client's side. `go`: False where only
    our tools have such a setting."""

    def __init__(self, number, what, server="server", roots="ca.crt", ca="ca.crt", cert="client", key=None, name=None,
                 host="127.0.0.1", port="orderer", go=True, ours=True, flags=None, env=None, orderer=None, starts=True,
                 go_mode=None, command=None):
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
          orderer={"ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED": "false"}),
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
        c("T36", "an orderer whose key is another's", starts=False, orderer={"ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/client.key"}),
        c("T36b", "an orderer whose leaf is not first", starts=False, server="server_leaf_second"),
        c("T37", "an orderer with an encrypted key", starts=False, orderer={"ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/encrypted.key"}),
        c("T37b", "an orderer without its certificate file", starts=False, orderer={"ORDERER_GENERAL_TLS_CERTIFICATE": "{}/nothing.crt"}),
        c("T38", "client roots that are not there", starts=False, orderer={"ORDERER_GENERAL_TLS_CLIENTROOTCAS": "[{}/ca.crt,{}/nothing.crt]"}),
        c("T38b", "client roots as a list with blanks", orderer={"ORDERER_GENERAL_TLS_CLIENTROOTCAS": "{}/ca.crt {}/other_ca.crt"},
          cert="other_client"),
        c("T40", "an orderer without TLS", starts=False, orderer={"ORDERER_GENERAL_TLS_ENABLED": "false"}),
        c("T41", "an admin listener without client authentication", starts=False,
          orderer={"ORDERER_ADMIN_TLS_ENABLED": "true", "ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED": "false"}),
        c("T42", "a plaintext client", go_mode="plain", flags=[], ca=None, cert=None),
        c("T43", "a TLS client on a plaintext port", port="operations"),
        c("T44", "gRPC on the admin port", port="admin"),
        c("T46", "osnadmin in plaintext on the admin port", go=False, command=["osnadmin", "channel", "list", "-o", "{admin}"]),
        c("T48", "a client of TLS 1.0 and 1.1", ours=False, go_mode="old"),
        c("open_key", "a private key that every user may read", server="open"),
        c("T55", "an expired enrolment certificate", starts=False, orderer={"ORDERER_GENERAL_LOCALMSPDIR": "{}/expired_msp"}),
        c("T55b", "an expired enrolment certificate, started all the same", cert="other_client",
          orderer={"ORDERER_GENERAL_LOCALMSPDIR": "{}/expired_msp", "ORDERER_GENERAL_STARTWITHEXPIREDIDENTITY": "true"}),
        c("T57", "an enrolment key that does not match", starts=False, orderer={"ORDERER_GENERAL_LOCALMSPDIR": "{}/mismatched_msp"}),
        c("T58", "a client certificate with none of the names that may come",
          orderer={"ORDERER_GENERAL_TLS_CLIENTNAMES": "dns:app2.example.com uri:spiffe://org1/*"}),
    ]


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.go = None
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
        for name in ("expired_msp", "mismatched_msp"):
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
        openssl("ca", "-batch", "-config", "db/ca.cnf", "-cert", next(ca.glob("*.pem")), "-keyfile", next(ca.glob("*_sk")), "-in",
                "renew.csr", "-startdate", stamp(begun), "-enddate", stamp(begun + datetime.timedelta(minutes=2)), "-out",
                "expired_msp/signcerts/orderer.example.com-cert.pem", "-notext")

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

    def environment(self, case, folder, ports):
        """Of an orderer for this case."""
        return {**os.environ, "FABRIC_CFG_PATH": str(network.ROOT / "config"), "FABRIC_LOGGING_FORMAT": "%{level:.4s} %{module} %{message}",
               "ORDERER_GENERAL_LISTENPORT": str(ports["orderer"]), "ORDERER_GENERAL_LISTENADDRESS": "0.0.0.0",
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
               **{key: value.replace("{}", str(self.tls)) for key, value in (case.orderer or {}).items()}}

    # -- one case ---------------------------------------------------------------------------------------------------
    def run(self, case):
        folder = self.folder / case.number
        folder.mkdir()
        ports = dict(zip(("orderer", "admin", "operations"), PORTS.take(3)))
        env = self.environment(case, folder, ports)
        orderer = network.Process("orderer", [str(BIN / "orderer")], env, folder)
        said = [f"# {case.what}"]
        try:
            if not case.starts:
                orderer.popen.wait(60)
                return said + ["", "orderer's last line"] + [line for line in orderer.text().splitlines() if line.startswith("ERRO")][-1:]
            orderer.wait_for("Beginning to serve requests", 60)
            warnings = [line for line in orderer.text().splitlines() if line.startswith("WARN certmonitor")]
            if warnings:
                said += ["", "orderer at start"] + warnings
            said += self.clients(case, ports, orderer)
        finally:
            orderer.stop()
        return said

    def clients(self, case, ports, orderer):
        said = []
        target = f"{case.host}:{ports[case.port]}"
        if case.ours:
            before = len(orderer.text())
            lines = self.ours(case, target, ports)
            said += self.record(orderer, before) + ["", "ours"] + lines[-1:]
        if case.go:
            before = len(orderer.text())
            mode = case.go_mode or "call"
            words = {"call": ["call", target, case.name or "-", self.file(case.ca or "ca.crt"),
                              self.file(case.cert + ".crt") if case.cert else "-", self.file(case.key or (case.cert or "") + ".key")],
                     "plain": ["plain", target], "old": ["old", target, self.file("ca.crt")]}[mode]
            if self.go is None:
                return said + ["", "go", "(no Go toolchain)"]
            done = subprocess.run([self.go, *words], capture_output=True, text=True, timeout=60)
            record = self.record(orderer, before)
            if not case.ours:
                said += record
            said += ["", "go"] + done.stdout.strip().splitlines()[-1:]
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

    def record(self, orderer, before):
        """Go's line and our record of the first refusal since then; the log is written when the client has its answer, or soon."""
        deadline = 40
        while True:
            text = orderer.text()[before:]
            found = re.search(r"^ERRO \S+ (Server TLS handshake failed.*)\n(?:WARN \S+ )Why the TLS handshake failed\n((?:   .*\n)+)", text, re.M)
            if found:
                return ["", "server", found.group(1)] + found.group(2).rstrip("\n").splitlines()
            found = re.search(r"^WARN (\S+ http: TLS handshake error.*)\n(?:WARN \S+ )Why the TLS handshake failed\n((?:   .*\n)+)", text, re.M)
            if found:
                return ["", "server", found.group(1)] + found.group(2).rstrip("\n").splitlines()
            deadline -= 1
            if deadline == 0:
                return ["", "server", "(says nothing)"]
            threading.Event().wait(0.02)  # between two looks at a file

    def normal(self, lines):
        text = "\n".join(lines)
        for pattern, sign in ((re.escape(str(self.tls)), "<tls>"), (re.escape(str(self.folder)), "<dir>"),
                              (r"(127\.0\.0\.1|0\.0\.0\.0|localhost):\d+", r"\1:<port>"), (r"\[::1\]:\d+", "[::1]:<port>"),
                              (r"(in|after) [0-9.]+(ns|\u00b5s|ms|s|m)\b", r"\1 <time>"), (r"current time \S+", "current time <now>"),
                              (r"clock says [0-9T:Z-]+", "clock says <now>"), (r"\d+ days ago", "<n> days ago"),
                              (r"expired [0-9hms.]+ ago", "expired <time> ago"), (r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT[0-9:]{8}Z(?= *[,;(]|$)", "<date>"),
                              (r"serial [0-9a-f]{8,}", "serial <serial>"), (r"sha256 [0-9a-f]{64}", "sha256 <hash>"),
                              (r"(key(?: id)?|says) [0-9a-f]{8,16}\.\.", r"\1 <id>.."), (r" server=\S+ remoteaddress=\S+", ""),
                              (r"\x1b\[[0-9;]*m", ""), (r"^\d{4}-\d\d-\d\d \S+ \S+ \S+ ", "")):
            text = re.sub(pattern, sign, text, flags=re.M)
        return text + "\n"


class Ports:
    """Ports for several cases at once, below those that the system gives to clients: ten thousand of them may be on the way."""

    def __init__(self):
        self.lock = threading.Lock()
        self.left = random.sample(range(10000, 20000), 2000)

    def take(self, count):
        found = []
        with self.lock:
            while len(found) < count:
                port = self.left.pop()
                with socket.socket() as one:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        one.bind(("0.0.0.0", port))
                    except OSError:
                        continue
                found.append(port)
        return found


PORTS = Ports()


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
        if UPDATE:
            file.write_text(result)
        elif result != expected:
            bad += 1
            print(f"FAIL {case.number}: {case.what}")
            print("\n".join(difflib.unified_diff(expected.splitlines(), result.splitlines(), "expected", "said", lineterm="")))
        else:
            print(f"ok   {case.number}: {case.what}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
