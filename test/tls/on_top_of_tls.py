#!/usr/bin/env python3
"""What Fabric compares on top of TLS, provoked in networks: the hash in requests for blocks (T50), consenters' keys (T51), organisations'
TLS roots in the channel (T52), gossip's handshake (T53), connection.json of chaincode as a service (T54). What our nodes' logs and our tools say is held against
expected/<case>.txt; `--update` writes it anew. With FABRIC_GO_BIN upstream's programs stand on the other side where they can,
and their last lines are held too.
"""
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import network  # noqa: E402
import orderers_kit  # noqa: E402
from proxy import Proxy  # noqa: E402

BIN = network.ours()
THEIRS = orderers_kit.upstream_folder()
PLAIN = {"FABRIC_LOGGING_FORMAT": "%{level:.4s} %{module} %{message}"}


def openssl(*words, folder):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)


def issue(ca_folder, folder, name, subject, hosts="DNS:localhost,IP:127.0.0.1"):
    """A pair with a new key, of the CA that cryptogen left in `ca_folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "extensions").write_text(f"subjectAltName={hosts}\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.key", folder=folder)
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "ec.key", "-out", f"{name}.key", folder=folder)
    openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", "request", folder=folder)
    openssl("x509", "-req", "-in", "request", "-CA", next(ca_folder.glob("*.pem")), "-CAkey", next(ca_folder.glob("*_sk")), "-set_serial",
            str(time.time_ns()), "-days", "300", "-extfile", "extensions", "-out", f"{name}.crt", folder=folder)
    (folder / f"{name}.key").chmod(0o600)
    return folder / f"{name}.crt", folder / f"{name}.key"


def found(process, pattern, timeout=60):
    """The first text of a log that matches, its indented record with it."""
    process.wait_for(pattern, timeout)
    return re.search(pattern + r".*(?:\n   .*)*", process.text()).group(0).splitlines()


# -- T50 -------------------------------------------------------------------------------------------------------------------
def proxy_before_an_orderer(folder):
    """The channel knows its orderer by the address of a proxy that ends TLS: what a peer and another orderer, who ask for blocks, have
    in their logs."""
    class Behind(orderers_kit.Orderers):
        front = None

        def make_pairs(self):
            ca = self.crypto / "ordererOrganizations/example.com/tlsca"
            front, own = issue(ca, self.folder / "proxy", "front", "/CN=proxy.example.com"), issue(ca, self.folder / "proxy", "own", "/CN=nginx")
            self.front = Proxy(front, self.port(0), own).__enter__()

        def address(self, i):
            return f"127.0.0.1:{self.front.port}" if i == 0 else super().address(i)

    os.environ.update(PLAIN)
    with Behind(folder, ["ours", "ours"], consenters=1) as net, make_network(folder) as peers:
        try:
            net.start()
            peer = peers.start_peer("org1")
            peers.cli("org1", "channel", "join", "-b", net.genesis)
            yield "the peer", found(peer, "WARN peer.blocksprovider Failure in processing incoming messages")
            net.join(1)
            yield "the orderer that follows", found(net.processes[1], "WARN orderer.common.cluster.puller Received error of type")
        finally:
            net.front.__exit__()


# -- T51 -------------------------------------------------------------------------------------------------------------------
def give_new_key(net, both):
    """The third orderer gets a pair with a new key and no config update; `both`: for its listener too, else only for dialling."""
    net.kill(2)
    certificate, key = issue(net.crypto / "ordererOrganizations/example.com/tlsca", net.folder / "new", "server", "/CN=orderer2.example.com")
    if both:
        for file in (certificate, key):
            (net.home(2) / "tls" / file.name).write_bytes(file.read_bytes())
    else:
        net.env.update(ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=certificate, ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=key)
    return net.start_one(2)


def of_either(net, pattern):
    """What one of the two other orderers says, whichever of them leads."""
    net.wait(lambda: any(re.search(pattern, net.log(i)) for i in (0, 1)), 60, pattern)
    return next(re.search(pattern + r".*(?:\n   .*)*", net.log(i)).group(0).splitlines() for i in (0, 1) if re.search(pattern, net.log(i)))


def consenter_that_dials_with_a_new_key(folder):
    for kind in ["ours"] + ["theirs"] * bool(THEIRS):
        with orderers_kit.Orderers(folder / kind, [kind, kind, "ours"], env=dict(PLAIN)) as net:
            net.start()
            renewed = give_new_key(net, both=False)
            if kind == "ours":
                yield "the orderer that it dials", of_either(net, "WARN orderer.common.cluster Refusing messages for channel")
                yield "the orderer itself", found(renewed, "WARN orderer.common.cluster TLS-51")
            else:
                yield "upstream's orderer that it dials", of_either(net, "INFO comm.grpc.server .*orderer.Cluster.*isn't authorized")[:1]


def consenter_with_a_new_key(folder):
    for kind in ["ours"] + ["theirs"] * bool(THEIRS):
        with orderers_kit.Orderers(folder / kind, [kind, kind, "ours"], env=dict(PLAIN)) as net:
            net.start()
            renewed = give_new_key(net, both=True)
            if kind == "ours":
                yield "the orderer that dials it", of_either(net, "ERRO comm.tls Client TLS handshake failed .*expected public key")
                yield "", of_either(net, "WARN comm.tls Why the TLS connection failed\n   why   TLS-51")
                yield "the orderer itself", found(renewed, "Server TLS handshake failed .*bad certificate")
                yield "", found(renewed, "WARN core.comm Why the TLS handshake failed")
            else:
                yield "upstream's orderer that dials it", of_either(net, "\\w{4} \\S+ .*public key of server certificate presented")[:1]


# -- T52 -------------------------------------------------------------------------------------------------------------------
def make_network(folder, **more):
    return network.Network(folder, *[BIN / program for program in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")], **more)


def block_without_tls_roots(net, msp):
    for file in (msp / "tlscacerts").iterdir():
        file.unlink()
    (msp / "tlscacerts").rmdir()
    net.run("configtxgen", "-configPath", str(net.folder), "-profile", "TwoOrgs", "-channelID", "mychannel", "-outputBlock", str(net.block))


def orderers_without_tls_roots(folder):
    os.environ.update(PLAIN)
    with make_network(folder) as net:
        net.make_material()
        block_without_tls_roots(net, net.crypto / "ordererOrganizations/example.com/msp")
        net.start_orderer()
        join = ["join", "--channelID", "mychannel", "--config-block", net.block]
        yield "ours", net.admin(*join, check=False).stdout.strip().splitlines()
        tls = net.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        done = subprocess.run(["curl", "-sS", "--cacert", net.orderer_ca, "--cert", tls / "client.crt", "--key", tls / "client.key", "-F",
                               f"config-block=@{net.block}", f"https://127.0.0.1:{net.ports['admin']}/participation/v1/channels"],
                              capture_output=True, text=True, timeout=60)
        yield "curl", (done.stdout + done.stderr).strip().splitlines()
        if THEIRS:
            net.programs["osnadmin"] = THEIRS / "osnadmin"
            yield "upstream's osnadmin", net.admin(*join, check=False).stdout.strip().splitlines()


def peers_without_tls_roots(folder):
    os.environ.update(PLAIN)
    with make_network(folder) as net:
        net.make_material()
        block_without_tls_roots(net, net.org("org2") / "msp")
        orderer, peer = net.start_orderer(), net.start_peer("org1")
        net.admin("join", "--channelID", "mychannel", "--config-block", net.block)
        net.cli("org1", "channel", "join", "-b", net.block)
        yield "orderer", found(orderer, "WARN certmonitor TLS-52")
        yield "peer of the other organisation", found(peer, "WARN certmonitor TLS-52")
        programs = {"ours": BIN / "peer", **({"upstream's peer": THEIRS / "peer"} if THEIRS else {})}
        for name, program in programs.items():
            net.programs["cli"] = program
            done = net.cli("org2", "channel", "fetch", "newest", "block", "-c", "mychannel", *net.orderer_flags("org2"), check=False)
            if name == "ours":
                yield "server", found(orderer, "Server TLS handshake failed")
                yield "", found(orderer, "WARN core.comm Why the TLS handshake failed")
            yield name, done.stderr.strip().splitlines()[-1:]


# -- T53 -------------------------------------------------------------------------------------------------------------------
def proxy_between_peers(folder):
    """The second organisation's anchor peer is known by the address of a proxy that ends TLS."""
    os.environ.update(PLAIN)
    refused = "Authentication failed: .*remote hash of TLS cert, but got"
    for who, program in [("the peer that dials it", BIN / "peer")] + ([("upstream's peer that dials it", THEIRS / "peer")] if THEIRS else []):
        home = folder / program.parent.parent.name
        with make_network(home, anchors=True) as net:
            real = net.ports["org2"]
            (home / "crypto-config.yaml").write_text(network.CRYPTO)
            net.run("cryptogen", "generate", "--config", "crypto-config.yaml", "--output", str(net.crypto))
            ca = net.org("org2") / "tlsca"
            front, own = issue(ca, home / "proxy", "front", "/CN=proxy.example.com"), issue(ca, home / "proxy", "own", "/CN=nginx")
            with Proxy(front, real, own) as proxy:
                (home / "configtx.yaml").write_text(network.configtx(net.crypto, net.ports["orderer"], [net.ports["org1"], proxy.port]))
                net.run("configtxgen", "-configPath", str(home), "-profile", "TwoOrgs", "-channelID", "mychannel", "-outputBlock", str(net.block))
                net.start_orderer()
                peer = net.start_peer("org2", CORE_PEER_GOSSIP_EXTERNALENDPOINT=f"127.0.0.1:{proxy.port}")
                net.programs["peer"] = program
                other = net.start_peer("org1")
                net.join()
                if who.startswith("the"):
                    yield "the peer behind the proxy", found(peer, "ERRO gossip.comm " + refused)
                yield who, found(other, "WARN gossip.comm " + refused)[:1]


# -- T54 -------------------------------------------------------------------------------------------------------------------
def package(folder, label, connection):
    def archive(files):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return out.getvalue()
    file = folder / f"{label}.tar.gz"
    file.write_bytes(archive({"metadata.json": json.dumps({"type": "ccaas", "label": label}).encode(),
                              "code.tar.gz": archive({"connection.json": json.dumps(connection).encode()})}))
    return file


def chaincode_as_a_service(folder):
    import base64
    os.environ.update(PLAIN)
    with make_network(folder) as net:
        net.make_material()
        peer = net.start_peer("org1", CORE_CHAINCODE_EXTERNALBUILDERS="[]")
        user = net.org("org1") / "users/User1@org1.example.com/tls"
        text = {name: (user / name).read_text() for name in ("ca.crt", "client.crt", "client.key")}
        other_key = (net.org("org2") / "users/User1@org2.example.com/tls/client.key").read_text()
        good = {"address": "127.0.0.1:9999", "dial_timeout": "1s", "tls_required": True, "client_auth_required": True,
                "root_cert": text["ca.crt"], "client_cert": text["client.crt"], "client_key": text["client.key"]}
        one_way = {**good, "client_auth_required": False, "domain": "cc.example.com"}
        cases = {
            "base64 of PEM": ("base64", {**good, "root_cert": base64.b64encode(text["ca.crt"].encode()).decode()}),
            "a path": ("path", {**good, "client_cert": str(user / "client.crt")}),
            "a key of another certificate": ("pair", {**good, "client_key": other_key}),
            "a domain without client authentication": ("domain", one_way),
        }
        programs = {"ours": BIN / "peer", **({"upstream's peer": THEIRS / "peer"} if THEIRS else {})}
        for what, (label, connection) in cases.items():
            file = package(folder, label, connection)
            for name, program in programs.items():
                net.programs["cli"] = program
                if label == "domain" and name != "ours":
                    continue  # it is installed already
                done = net.cli("org1", "lifecycle", "chaincode", "install", file, check=False)
                yield f"{name}: {what}", done.stderr.strip().splitlines()[-1:]
        yield "peer", found(peer, "WARN \\S+ TLS-54")


CASES = {
    "T50c": ("a proxy that ends TLS before an orderer of whom a peer and another orderer take blocks", proxy_before_an_orderer),
    "T51": ("a consenter that dials with another key than the channel's configuration has", consenter_that_dials_with_a_new_key),
    "T51b": ("a consenter whose key is not the one in the channel's configuration", consenter_with_a_new_key),
    "T52": ("an orderer organisation without TLS roots in the channel's configuration", orderers_without_tls_roots),
    "T52b": ("a peer organisation without TLS roots in the channel's configuration", peers_without_tls_roots),
    "T53": ("a proxy between peers that ends TLS", proxy_between_peers),
    "T54": ("connection.json with what does not fit", chaincode_as_a_service),
}


def normal(text, folder):
    for pattern, sign in ((re.escape(str(folder)) + r"/[^/ ]+/", "<dir>/"), (re.escape(str(folder)), "<dir>"), (r"\x1b\[[0-9;]*m", ""),
                          (r"(127\.0\.0\.1|localhost):\d+", r"\1:<port>"), (r"(in|after) [0-9.]+(ns|\u00b5s|ms|s|m)\b", r"\1 <time>"),
                          (r"serial number \d+", "serial number <serial>"), (r"call_duration=\S+", "call_duration=<time>"), (r"serial [0-9a-f]{8,}", "serial <serial>"),
                          (r"sha256 [0-9a-f]{64}", "sha256 <hash>"), (r"\b[0-9a-f]{64}\b", "<hash>"),
                          (r"\[(?:\d+ ){31}\d+\]", "[<bytes>]"), (r"key [0-9a-f]{8,16}\.\.", "key <id>.."), (r"public key [0-9a-f]{16}", "public key <id>"),
                          (r"20\d\d-\d\d-\d\d", "<day>"), (r" (server=\S+ )?remoteaddress=\S+", ""), (r"CN=\S+ \(\d+\)", "CN"),
                          (r"^.* UTC \S+ ", ""), (r"^ERRO comm.tls ", "ERRO comm.tls ")):
        text = re.sub(pattern, sign, text, flags=re.M)
    return text


def write_down(number, folder):
    what, provoke = CASES[number]
    parts = [f"# {what}"]
    for who, lines in provoke(folder / number):
        parts.append((f"\n{who}\n" if who else "") + "\n".join(lines))
    return normal("\n".join(parts) + "\n", folder)


def without_theirs(text):
    """What is expected where upstream's programs are not to be had."""
    return re.sub(r"\nupstream's [^\n]*\n(?:[^\n]+\n)*", "", text)


def main():
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or list(CASES)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        for number in wanted:
            begun = time.monotonic()
            said = write_down(number, folder)
            file = HERE / "expected" / f"{number}.txt"
            if "--update" in sys.argv:
                file.write_text(said)
            expected = file.read_text() if file.exists() else ""
            good = said == (expected if THEIRS else without_theirs(expected))
            bad += not good
            print(f"{'ok  ' if good else 'FAIL'} {number}: {CASES[number][0]} ({time.monotonic() - begun:.1f} s)", flush=True)
            if not good:
                import difflib
                print("\n".join(difflib.unified_diff(expected.splitlines(), said.splitlines(), "expected", "said", lineterm="")))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
