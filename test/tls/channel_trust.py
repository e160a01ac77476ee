#!/usr/bin/env python3
"""Trust that follows a channel while nodes run.

An organisation's clients are strangers to the orderer until it joins their channel and after it has left it; to its admin
listener they always are, and an orderer organisation's are to a peer.

A revocation list comes by a config update of the organisation. Where tls.revocation is on, the client whose certificate it names
is refused at its next handshake, with a record that names the serial and whose list it was; others go on. Where it is off, as in
Fabric, the client is served.
"""
import base64
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from channel_changes import CHANNEL, config_of, make_update, submit  # noqa: E402
from network import Network, ours  # noqa: E402


def revocation_list(folder, authority, certificate):
    """A list of `authority`, a folder of cryptogen's, that takes `certificate` back."""
    work = folder / "crl"
    work.mkdir()
    (work / "index").write_text("")
    (work / "number").write_text("01\n")
    (work / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n"
                                 "crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n")
    signer = ["-config", "ca.cnf", "-cert", next(authority.glob("*.pem")), "-keyfile", next(authority.glob("*_sk"))]
    for words in (["-revoke", certificate], ["-gencrl", "-out", "list.pem"]):
        subprocess.run(["openssl", "ca", *map(str, signer), *map(str, words)], cwd=work, check=True, capture_output=True)
    return (work / "list.pem").read_bytes()


def serial_of(certificate):
    text = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-serial"], check=True, capture_output=True, text=True).stdout
    return text.strip().split("=")[1].lower().lstrip("0")


def main():
    our = ours()
    programs = {name: our / name for name in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin", "configtxlator")}
    configtxlator = programs.pop("configtxlator")
    with tempfile.TemporaryDirectory() as folder, Network(folder, **programs) as net:
        net.programs["configtxlator"] = configtxlator
        net.make_material()
        environment = net.environment
        net.environment = lambda **more: environment(ORDERER_GENERAL_TLS_REVOCATION="true", **more)
        net.start_orderer()
        net.start_peer("org1", CORE_PEER_TLS_REVOCATION="true")
        net.start_peer("org2")

        def at_peer(org, user):
            """Org1's user's TLS certificate at a peer, with a handshake of its own."""
            tls = net.org("org1") / f"users/{user}@org1.example.com/tls"
            return net.cli(org, "channel", "getinfo", *CHANNEL, check=False, CORE_PEER_TLS_CLIENTCERT_FILE=tls / "client.crt",
                           CORE_PEER_TLS_CLIENTKEY_FILE=tls / "client.key")

        def at_orderer(user):
            return net.cli("org1", "channel", "fetch", "newest", net.folder / "newest.block", *CHANNEL, *net.orderer_flags("org1", user),
                           user=user, check=False)

        def refused(answer, process, code):
            assert answer.returncode != 0, answer.stdout + answer.stderr
            net.processes[process].wait_for(f"why   {code}")
            return answer.stderr

        refused(at_orderer("User1"), "orderer", "TLS-02")
        net.join()
        for user in ("User1", "Admin"):
            for answer in (at_peer("org1", user), at_peer("org2", user), at_orderer(user)):
                assert answer.returncode == 0, answer.stderr
        print("ok   the organisation's clients are strangers to the orderer until it has joined their channel")

        tls = net.org("org1") / "users/User1@org1.example.com/tls"
        answer = net.run("osnadmin", "channel", "list", "-o", f"127.0.0.1:{net.ports['admin']}", "--ca-file", net.orderer_ca, "--client-cert",
                         tls / "client.crt", "--client-key", tls / "client.key", check=False)
        assert answer.returncode == 1 and "unknown certificate authority" in answer.stdout, answer.stdout
        tls = net.crypto / "ordererOrganizations/example.com/users/Admin@example.com/tls"
        answer = net.cli("org1", "channel", "getinfo", *CHANNEL, check=False, CORE_PEER_TLS_CLIENTCERT_FILE=tls / "client.crt",
                         CORE_PEER_TLS_CLIENTKEY_FILE=tls / "client.key")
        assert "unknown certificate authority" in refused(answer, "org1", "TLS-02"), answer.stderr
        print("ok   and to the admin listener also then; an orderer organisation's are strangers to a peer")

        certificate = net.org("org1") / "users/User1@org1.example.com/tls/client.crt"
        content = revocation_list(net.folder, net.org("org1") / "tlsca", certificate)
        submit(net, make_update(net, lambda groups: groups["Application"]["groups"]["Org1"]["values"]["MSP"]["value"]["config"].update(
            revocation_list=[base64.b64encode(content).decode()])), "org1")
        lists = config_of(net)["channel_group"]["groups"]["Application"]["groups"]["Org1"]["values"]["MSP"]["value"]["config"]["revocation_list"]
        assert base64.b64decode(lists[0]) == content
        for org in ("org1", "org2"):
            net.processes[org].wait_for(r"\[mychannel\] Committed block \[1\]")

        serial = serial_of(certificate)
        for name, answer in (("org1", at_peer("org1", "User1")), ("orderer", at_orderer("User1"))):
            assert "revoked" in refused(answer, name, "TLS-14"), answer.stderr
            log = net.processes[name]
            log.wait_for("tls: client certificate is revoked by the list of channel mychannel, Org1MSP")
            assert re.search(f"serial 0*{serial}", log.text()), (serial, log.text()[-3000:])
        print("ok   refused by peer and orderer: TLS-14 with the serial and the list's channel and MSP; the client reads it")

        for answer in (at_peer("org1", "Admin"), at_orderer("Admin")):
            assert answer.returncode == 0, answer.stderr
        print("ok   others go on")
        answer = at_peer("org2", "User1")
        assert answer.returncode == 0, answer.stderr
        print("ok   a peer without tls.revocation serves the same client")

        net.admin("remove", "--channelID", "mychannel")
        answer = at_orderer("Admin")
        assert answer.returncode != 0 and "unknown certificate authority" in answer.stderr, answer.stderr
        print("ok   the orderer has left the channel, and the organisation's clients are strangers again")


if __name__ == "__main__":
    main()
