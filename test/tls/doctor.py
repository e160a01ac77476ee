#!/usr/bin/env python3
"""`selvage doctor tls` beside real nodes: what it says of live handshakes, of a channel's configuration, of a node that is down and of
one with which everything has expired; its exit codes, and its answer to machines."""
import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import warnings

sys.argv = sys.argv[:1]
from strangers import BIN, PORTS, check, network, refusals, run  # noqa: E402
from proxy import Proxy  # noqa: E402


def ask(bench, name, *words, settings=None, text=False):
    """(exit code, findings) of an orderer with these settings."""
    folder = bench.folder / name
    folder.mkdir(exist_ok=True)
    ports = dict(zip(("main", "admin", "operations", "chaincode"), PORTS.take(4)))
    env = bench.environment(refusals.Case(name, name, settings=settings), folder, ports)
    done = subprocess.run([BIN / "selvage", "doctor", "tls", "--config", network.ROOT / "config/orderer.yaml", *words,
                           *([] if text else ["--json"])], env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout if text else json.loads(done.stdout)["findings"]


def wrong_ones(findings):
    return [(one["section"], one.get("code", ""), one["detail"]) for one in findings if one["verdict"] != "ok"]


def says(bench, what, code, section, words, *arguments, exit_code=2, settings=None):
    got, findings = ask(bench, "case", *arguments, settings=settings)
    found = [one for one in wrong_ones(findings) if one[0] == section and one[1] == code and words in one[2]]
    check(f"{what}: {code}", got == exit_code and bool(found), f"exit {got}, {wrong_ones(findings)}")


def ask_as_peer(bench, *words, settings=None):
    """As ask(), of a peer."""
    ports = dict(zip(("main", "admin", "operations", "chaincode"), PORTS.take(4)))
    env = bench.peer_environment(refusals.Case("peer", "peer", settings=settings), bench.folder, ports)
    done = subprocess.run([BIN / "selvage", "doctor", "tls", "--config", network.ROOT / "config/core.yaml", *words, "--json"], env=env,
                          capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)["findings"]


@contextlib.contextmanager
def node(bench, name, server, kind="orderer"):
    folder = bench.folder / name
    folder.mkdir()
    ports = dict(zip(("main", "admin", "operations", "chaincode"), PORTS.take(4)))
    case = refusals.Case(name, name, server=server)
    env = (bench.environment if kind == "orderer" else bench.peer_environment)(case, folder, ports)
    process = network.Process(kind, [str(BIN / kind)] + ["node", "start"] * (kind == "peer"), env, folder)
    try:
        process.wait_for("Beginning to serve requests" if kind == "orderer" else "Started peer with ID=", 60)
        yield ports
    finally:
        process.stop()


@contextlib.contextmanager
def old_server(pair, versions, suites):
    """The port of a server that speaks these versions and suites only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = versions
    context.set_ciphers(suites)

    def serve():
        while True:
            with contextlib.suppress(ssl.SSLError):
                try:
                    raw = listener.accept()[0]
                except OSError:
                    return
                with raw, context.wrap_socket(raw, server_side=True):
                    pass
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def live(bench):
    with node(bench, "good", "server") as ports:
        address = f"127.0.0.1:{ports['main']}"
        code, findings = ask(bench, "well", "--orderer", address)
        accepted = any("we are accepted as a client" in one["detail"] for one in findings)
        check("all is well: exit code 0", code == 0 and accepted and not wrong_ones(findings), f"exit {code}, {wrong_ones(findings)}")
        code, said = ask(bench, "warns", "--orderer", address, settings={"ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED": "false"}, text=True)
        check("client authentication is off: exit code 1", code == 1 and "TLS-15" in said, said)

        def pair(name):
            return {"ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE": "{}/%s.crt" % name, "ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY": "{}/%s.key" % name}
        says(bench, "our client certificate is of another CA", "TLS-02", "live", "the server accepts CN=tlsca.org1", "--orderer", address,
             settings=pair("other_client"))
        says(bench, "our client certificate is for servers only", "TLS-06", "live", "does not allow clientAuth", "--orderer", address,
             settings=pair("server_only"))
        says(bench, "our roots are another CA's", "TLS-25", "live", "issued by CN=tlsca.org1", "--orderer", address,
             settings={key: "[{}/other_ca.crt]" for key in ("ORDERER_GENERAL_TLS_ROOTCAS", "ORDERER_GENERAL_TLS_CLIENTROOTCAS",
                                                            "ORDERER_ADMIN_TLS_CLIENTROOTCAS")})
        says(bench, "a listen address", "TLS-31", "live", "not one to dial", "--orderer", f"0.0.0.0:{ports['main']}")
        says(bench, "a plaintext port", "TLS-43", "live", "a plaintext HTTP server", "--orderer", f"127.0.0.1:{ports['operations']}")
        says(bench, "the admin port", "TLS-44", "live", "speaks TLS but not h2", "--orderer", f"127.0.0.1:{ports['admin']}")
        files = lambda name: (bench.file(name + ".crt"), bench.file(name + ".key"))
        with Proxy(files("ingress"), ports["main"], files("nginx")) as proxy:
            says(bench, "a proxy of another CA", "TLS-49", "live", "CN=ingress.local", "--orderer", f"127.0.0.1:{proxy.port}")
        with Proxy(files("proxy"), alpn=()) as proxy:
            says(bench, "a web server with a good certificate", "TLS-44", "live", "its certificate is CN=proxy.example.com", "--orderer",
                 f"127.0.0.1:{proxy.port}")
        # As in TLS 1.0 and 1.1, and with nothing but a suite that nobody uses any more.
        for what, versions, suites in (("an old server", (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1), "ALL:@SECLEVEL=0"),
                                       ("a server with old suites", (ssl.TLSVersion.TLSv1_2,) * 2, "AES128-SHA:@SECLEVEL=0")):
            with old_server(files("server"), versions, suites) as port:
                says(bench, what, "TLS-48", "live", "shares no protocol version or cipher with us", "--orderer", f"127.0.0.1:{port}")
    with node(bench, "other_name", "server_other_name") as ports:
        says(bench, "a name that is not in the certificate", "TLS-28", "live", "is valid for orderer.example.com, not for localhost", "--orderer",
             f"localhost:{ports['main']}")
    with node(bench, "peer", "server", kind="peer") as ports:
        # The command line's override, which a node has no use for: the doctor takes it for the peers that it is asked about.
        override = {"CORE_PEER_TLS_SERVERHOSTOVERRIDE": "peer0.org1"}
        for what, code, words, port, settings in (
                ("an override that is not in the certificate", "TLS-34", "the override peer0.org1 (CORE_PEER_TLS_SERVERHOSTOVERRIDE)", "main", override),
                ("the listener for chaincode", "TLS-45", "a peer's listener for chaincode", "chaincode", None)):
            got, findings = ask_as_peer(bench, "--peer", f"127.0.0.1:{ports[port]}", settings=settings)
            found = [one for one in wrong_ones(findings) if one[:2] == ("live", code) and words in one[2]]
            check(f"{what}: {code}", got == 2 and found, f"exit {got}, {wrong_ones(findings)}")
        got, findings = ask_as_peer(bench, "--peer", f"127.0.0.1:{ports['main']}")
        check("and the peer itself is well", got < 2 and any("we are accepted as a client" in one["detail"] for one in findings), str(wrong_ones(findings)))
    for server, code, words in (("server_other_name", "TLS-30", "names only"), ("server_no_san", "TLS-29", "only the common name"),
                                ("server_expired", "TLS-26", "expired on 2025-01-01"), ("server_client_auth", "TLS-32", "serverAuth"),
                                ("server_without_intermediate", "TLS-33", "CN=ica.org1"), ("server_is_ca", "TLS-35", "CA's own certificate")):
        with node(bench, server, server) as ports:
            says(bench, f"a live {server}", code, "live", words, "--orderer", f"127.0.0.1:{ports['main']}")


def node_is_down(bench):
    code, findings = ask(bench, "down", "--orderer", "127.0.0.1:1")
    others = [one for one in wrong_ones(findings) if one[0] != "live"]
    check("a node that is down: own files are looked at all the same", code == 2 and not others and any(
        "no connection" in one["detail"] for one in findings), str(wrong_ones(findings)))
    settings = {"ORDERER_GENERAL_TLS_CERTIFICATE": "{}/server_expired.crt", "ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/server_expired.key",
                "ORDERER_GENERAL_TLS_CLIENTROOTCAS": "[{}/expired_ca.crt]", "ORDERER_GENERAL_LOCALMSPDIR": "{}/expired_msp"}
    code, findings = ask(bench, "ended", "--orderer", "127.0.0.1:1", settings=settings)
    codes = {one.get("code") for one in findings if one["verdict"] == "fail"}
    check("everything has expired: all of it is told", code == 2 and {"TLS-26", "TLS-10", "TLS-55"} <= codes and
          sum(one["section"] == "expiry" and one["verdict"] == "fail" for one in findings) >= 2, str(wrong_ones(findings)))


def wrong_settings(bench):
    for what, code, words, settings in (
            ("the key of another certificate", "TLS-16", "does not belong to", {"ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/client.key"}),
            ("an encrypted key", "TLS-17", "encrypted", {"ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/encrypted.key"}),
            ("a certificate in DER", "TLS-18", "DER", {"ORDERER_GENERAL_TLS_CERTIFICATE": "{}/der.crt"}),
            ("a leaf that is not first", "TLS-36", "CN=ica.org1", {"ORDERER_GENERAL_TLS_CERTIFICATE": "{}/server_leaf_second.crt",
                                                                  "ORDERER_GENERAL_TLS_PRIVATEKEY": "{}/server_leaf_second.key"}),
            ("a file that is not there", "TLS-37", "nothing.crt", {"ORDERER_GENERAL_TLS_CERTIFICATE": "{}/nothing.crt"}),
            ("TLS is off", "TLS-40", "off", {"ORDERER_GENERAL_TLS_ENABLED": "false"}),
            ("an admin listener that demands nothing", "TLS-41", "must be set to true", {"ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED": "false"}),
            ("an MSP older than its CA", "TLS-56", "not valid", {"ORDERER_GENERAL_LOCALMSPDIR": "{}/older_msp"}),
            ("an MSP with another key", "TLS-57", "KeyMaterial not found", {"ORDERER_GENERAL_LOCALMSPDIR": "{}/mismatched_msp"})):
        says(bench, what, code, "own files", words, settings=settings)


def channel(bench):
    (bench.folder / "configtx.yaml").write_text(network.configtx(bench.folder / "crypto", 7050))
    for file in (bench.folder / "crypto/peerOrganizations/org2.example.com/msp/tlscacerts").iterdir():
        file.unlink()
    subprocess.run([BIN / "configtxgen", "-configPath", bench.folder, "-profile", "TwoOrgs", "-channelID", "mychannel", "-outputBlock",
                    bench.folder / "block"], check=True, capture_output=True)
    says(bench, "an organisation without TLS roots", "TLS-52", "channel mychannel", "(Channel/Application/Org2/MSP)", "--config-block",
         bench.folder / "block")
    says(bench, "a certificate that is not of the organisation's TLS CA", "TLS-52", "channel mychannel", "other nodes will refuse it",
         "--config-block", bench.folder / "block")
    _, said = ask(bench, "plan", "--config-block", bench.folder / "block", text=True)
    check("and in which order consenters are renewed", "rotation plan" in said and "127.0.0.1:7050; one at a time, the leader last" in said, said)


if __name__ == "__main__":
    run(live, node_is_down, wrong_settings, channel)
