#!/usr/bin/env python3
"""Our `peer` commands against a network of upstream's orderer and peers, mutual TLS everywhere.

From package to committed definition and invocation, with one chaincode as a service per organisation when one is there
(SELVAGE_BIN/basic_chaincode, our C++ sample); then each way in which a TLS setting of the caller can be wrong, which must be told
in words, with the setting to change.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, Process, free_ports, ours, upstream  # noqa: E402


def expect(text, *wanted):
    for part in wanted:
        assert part in text, f"no '{part}' in:\n{text}"


def channel_commands(net):
    assert net.cli("org1", "channel", "list").stdout == "Channels peers has joined: \nmychannel\n"
    info = net.cli("org1", "channel", "getinfo", "-c", "mychannel").stdout
    assert re.fullmatch(r'Blockchain info: \{"height":1,"currentBlockHash":"[\w+/=]+"\}\n', info), info
    for source in ([], net.orderer_flags("org1")):  # the peer's Deliver, then the orderer's
        for which in ("oldest", "newest", "config", "0"):
            file = net.folder / f"{which}.block"
            net.cli("org1", "channel", "fetch", which, file, "-c", "mychannel", *source)
            assert file.read_bytes()[:100] == net.block.read_bytes()[:100]
    missing = net.cli("org1", "channel", "fetch", "7", "-c", "mychannel", "--bestEffort", check=False,
                      CORE_PEER_TLS_ENABLED="false")
    assert missing.returncode == 1
    expect(missing.stderr, "failed to create new connection", "CORE_PEER_TLS_ENABLED=true")


def deploy(net, folder, sample):
    """Approve and commit 'basic'; gives the services' processes when there is a sample to run."""
    services = []
    ports = dict(zip(("org1", "org2"), free_ports(2)))
    for org, port in ports.items():
        tls = net.peer_tls(org)
        package = pathlib.Path(folder) / f"{org}.tar.gz"
        made = subprocess.run([str(ours() / "selvage"), "package", "ccaas", "--label", "basic_1", "--address",
                               f"127.0.0.1:{port}", "--root-cert", str(tls / "ca.crt"), "--client-cert",
                               str(tls / "server.crt"), "--client-key", str(tls / "server.key"), "--server-cert",
                               str(tls / "server.crt"), "--output", str(package)],
                              check=True, capture_output=True, text=True)
        package_id = made.stdout.strip()
        assert net.cli(org, "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip() == package_id
        installed = net.cli(org, "lifecycle", "chaincode", "install", package)
        expect(installed.stderr, f"Chaincode code package identifier: {package_id}")
        expect(net.cli(org, "lifecycle", "chaincode", "queryinstalled").stdout, f"Package ID: {package_id}, Label: basic_1")
        approved = net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), "-C", "mychannel",
                           "-n", "basic", "-v", "1.0", "--sequence", "1", "--package-id", package_id,
                           "--signature-policy", "AND('Org1MSP.peer','Org2MSP.peer')")
        expect(approved.stderr, "committed with status (VALID) at")
        if sample:
            env = {**os.environ, "CHAINCODE_ID": package_id, "CORE_CHAINCODE_ID_NAME": package_id,
                   "CHAINCODE_SERVER_ADDRESS": f"127.0.0.1:{port}", "CHAINCODE_TLS_CERT": str(tls / "server.crt"),
                   "CHAINCODE_TLS_KEY": str(tls / "server.key"), "CHAINCODE_CLIENT_CA_CERT": str(tls / "ca.crt")}
            services.append(Process(f"basic-{org}", [str(sample)], env, pathlib.Path(folder)))
    definition = ["-C", "mychannel", "-n", "basic", "-v", "1.0", "--sequence", "1", "--signature-policy",
                  "AND('Org1MSP.peer','Org2MSP.peer')"]
    ready = net.cli("org1", "lifecycle", "chaincode", "checkcommitreadiness", *definition).stdout
    expect(ready, "Org1MSP: true", "Org2MSP: true")
    commit = net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"),
                     *net.peer_flags("org1", "org2"), *definition)
    assert commit.stderr.count("committed with status (VALID) at") == 2, commit.stderr
    expect(net.cli("org2", "lifecycle", "chaincode", "querycommitted", "-C", "mychannel", "-n", "basic").stdout,
           "Version: 1.0, Sequence: 1, Endorsement Plugin: escc, Validation Plugin: vscc, "
           "Approvals: [Org1MSP: true, Org2MSP: true]")
    return services


def transact(net):
    flags = ["-C", "mychannel", "-n", "basic"]
    both = net.peer_flags("org1", "org2")
    put = net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), *both, *flags, "-c",
                  '{"Args":["put","k","v"]}', "--waitForEvent")
    expect(put.stderr, "Chaincode invoke successful. result: status:200")
    assert put.stderr.count("committed with status (VALID) at") == 2, put.stderr
    for org in ("org1", "org2"):
        assert net.cli(org, "chaincode", "query", *flags, "-c", '{"function":"get","Args":["k"]}').stdout == "v\n"
    alone = net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), *net.peer_flags("org1"), *flags, "-c",
                    '{"Args":["put","k","w"]}', "--waitForEvent", check=False)
    assert alone.returncode == 1
    expect(alone.stderr, "Error: transaction invalidated with status (ENDORSEMENT_POLICY_FAILURE)")
    bad = net.cli("org1", "chaincode", "query", *flags, "-c", '{"Args":["nope"]}', check=False)
    assert bad.returncode == 1
    expect(bad.stderr, "Error: endorsement failure during query. response: status:500")


def wrong_settings(net):
    """Never a bare "context deadline exceeded": each mistake is named with the setting that makes it."""
    admin = net.org("org1") / "users" / "Admin@org1.example.com"
    foreign = net.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
    cases = {
        "another CA": (dict(CORE_PEER_TLS_ROOTCERT_FILE=net.org("org2") / "tlsca" / "tlsca.org2.example.com-cert.pem"),
                       ["x509: certificate signed by unknown authority", "CORE_PEER_TLS_ROOTCERT_FILE"]),
        "no client certificate": (dict(CORE_PEER_TLS_CLIENTAUTHREQUIRED="false"),
                                  ["TLS-01", "CORE_PEER_TLS_CLIENTAUTHREQUIRED to true"]),
        "a foreign client certificate": (dict(CORE_PEER_TLS_CLIENTCERT_FILE=foreign / "client.crt",
                                              CORE_PEER_TLS_CLIENTKEY_FILE=foreign / "client.key"),
                                         ["TLS-02", "CORE_PEER_TLS_CLIENTCERT_FILE"]),
        "the enrolment certificate": (dict(
            CORE_PEER_TLS_CLIENTCERT_FILE=next((admin / "msp" / "signcerts").iterdir()),
            CORE_PEER_TLS_CLIENTKEY_FILE=admin / "msp" / "keystore" / "priv_sk"), ["TLS-04"]),
        "another name": (dict(CORE_PEER_TLS_SERVERHOSTOVERRIDE="foo.bar"), ["not foo.bar", "CORE_PEER_TLS_SERVERHOSTOVERRIDE"]),
        "a key of another certificate": (dict(CORE_PEER_TLS_CLIENTCERT_FILE=foreign / "client.crt"),
                                         ["private key does not match public key"]),
        "nobody there": (dict(CORE_PEER_ADDRESS="127.0.0.1:1"), ["connect: connection refused"]),
        "no such MSP": (dict(CORE_PEER_MSPCONFIGPATH="/nope"), ['Cannot run peer because cannot init crypto', "CORE_PEER_MSPCONFIGPATH"]),
    }
    for name, (settings, wanted) in cases.items():
        done = net.cli("org1", "channel", "list", check=False, **settings)
        assert done.returncode == 1, f"{name}: {done.returncode}"
        assert "context deadline exceeded" not in done.stderr, f"{name}: {done.stderr}"
        expect(done.stderr, *wanted)


def main():
    go, our = upstream(), ours()
    sample = our / "basic_chaincode"
    sample = sample if sample.exists() else None
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=go / "orderer",
            peer=go / "peer", osnadmin=our / "osnadmin", cli=our / "peer") as net:
        net.start()
        channel_commands(net)
        services = deploy(net, folder, sample)
        try:
            if sample:
                transact(net)
        finally:
            for service in services:
                service.stop()
        wrong_settings(net)
        print("our peer CLI drives upstream's network" + ("" if sample else " (no sample chaincode: no transaction)"))


if __name__ == "__main__":
    main()
