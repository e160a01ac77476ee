#!/usr/bin/env python3
"""Pairs that are not the server's are replaced under load, and no transaction fails: a peer's pair for clients (Deliver, gossip, the
gateway), and an orderer's for dialling other orderers and for a cluster listener of its own. New connections show the new
certificate, as the other side's /tls/connections has it; what would be worse is refused with the reason.

The peers' server certificates are for serverAuth only, as public CAs issue them. Of three orderers the first leader gets new pairs. Two organisations with a peer each, and a second peer of the first one, in no
channel, which is there to be dialled by gossip. The listener for chaincode has no pair of files: the peer makes one at each start.
"""
import concurrent.futures
import json
import pathlib
import shutil
import signal
import socket
import ssl
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
from network import Network, free_ports, ours, skip  # noqa: E402
from orderers_kit import Orderers  # noqa: E402
from peer_beside_upstream import deploy, wait_for_equal_height  # noqa: E402
from rotation import Load, Renewal, openssl, serial_of, taken  # noqa: E402

BOTH = "serverAuth,clientAuth"


class Peers(Network):
    """Peers beside the orderers of the kit, in one folder. "org1b": the second peer of org1."""

    def __init__(self, folder):
        super().__init__(folder, **{name: ours() / name for name in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")})
        self.ports.update(zip(("org1b", "org1b_ops", "org1b_cc"), free_ports(3)))

    @property
    def orderer_home(self):
        return self.crypto / "ordererOrganizations/example.com/orderers/orderer0.example.com"

    def peer_tls(self, name):
        return self.org(name[:4]) / "peers" / f"peer{name.endswith('b'):d}.{name[:4]}.example.com" / "tls"

    def client_pair(self, name):
        return self.peer_tls(name).parent / "client"


class Cluster(Orderers):
    """Each node has a pair for each of its ends; the peers' pairs are made here too, as both share their material."""

    def make_pairs(self):
        self.renewal = Renewal(self.peers_net, self.folder)
        for i in range(len(self.kinds)):
            for role in ("cluster client", "cluster server"):
                self.pair(i, role)[0].parent.mkdir()
                self.renew(i, role, new_key=True)
        for name in ("org1", "org2", "org1b"):
            home, ca = self.peers_net.peer_tls(name), self.peers_net.org(name[:4]) / "tlsca"
            if name != "org1b":
                client = self.peers_net.client_pair(name)
                shutil.copytree(home, client)
                Renewal.put(client, self.renewal.pair(home, ca, new_key=True, usage="clientAuth"))
                Renewal.put(home, self.renewal.pair(home, ca, new_key=True, usage="serverAuth"))

    def pair(self, i, role):
        if role == "general":
            return super().pair(i, role)
        folder = self.home(i) / role.replace(" ", "_")
        return folder / "server.crt", folder / "server.key"

    def renew(self, i, role, tlsca=None, **how):
        """Puts a new certificate of the orderers' TLS CA, or another one, in place of this one; its serial."""
        folder = self.pair(i, role)[0].parent
        if not (folder / "server.crt").exists():
            shutil.copy(self.home(i) / "tls/server.crt", folder)  # for the name
        made = self.renewal.pair(folder, tlsca or self.crypto / "ordererOrganizations/example.com/tlsca", **how)
        Renewal.put(folder, made)
        return serial_of(made / "server.crt")

    def reload(self, i):
        return self.operations(i, "/tls/reload", "PUT")


def other_ca(folder):
    folder.mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "x_sk", "-out", folder / "x.pem",
            "-subj", "/CN=tlsca.elsewhere", "-days", "30")
    return folder


def shown_by(connections, name):
    """Serials of the certificates with this common name that came to a node."""
    return {one["certificate"]["serial"] for one in connections["connections"]
            if one["certificate"] and one["certificate"]["subject"].startswith("CN=" + name)}


def presented(net, port, i):
    """Serial of the certificate that a listener shows to orderer i."""
    context = ssl.create_default_context(cafile=net.ca)
    context.load_cert_chain(*net.pair(i, "cluster client"))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
        return tls.getpeercert()["serialNumber"].lower().lstrip("0")


def refused(answer, *words):
    said = json.dumps(answer)
    assert answer["refused"] and all(word in said for word in words), f"{words} is not in {said}"


def peers_client_pair(net, peers, load, through, orderers):
    """`orderers`: those whose endpoints remain in the channel; `through`: one of them."""
    home, ca, name = peers.client_pair("org1"), peers.org("org1") / "tlsca", "peer0.org1"
    first = serial_of(home / "server.crt")

    def at_orderers():
        return set().union(*(shown_by(net.operations(i, "/tls/connections"), name) for i in range(3)))
    net.wait(lambda: first in shown_by(peers.operations("org2", "/tls/connections"), name), 60, "org1's gateway or gossip at org2's peer")
    net.wait(lambda: first in shown_by(peers.operations("org1b", "/tls/connections"), name), 60, "gossip at the second peer")
    assert at_orderers() == {first}, (first, at_orderers())
    print("ok   a peer whose server certificate is not for clientAuth shows its client pair to orderers, endorsers and in gossip")

    # Noticed by itself.
    fresh = net.renewal.pair(home, ca, new_key=True, usage="clientAuth")
    Renewal.put(home, fresh)
    second = serial_of(fresh / "server.crt")
    taken(peers.processes["org1"], second)
    load.flowing()
    # Other endpoints: peers ask for blocks on new connections. A peer that comes back is dialled anew.
    net.update(lambda group: group["groups"]["Orderer"]["groups"]["OrdererOrg"]["values"]["Endpoints"]["value"].update(
        addresses=[net.address(i) for i in orderers]), through=through)
    net.wait(lambda: second in at_orderers(), 60, "Deliver with the new certificate")
    peers.processes["org1b"].stop()
    start_second_peer(peers)
    net.wait(lambda: second in shown_by(peers.operations("org1b", "/tls/connections"), name), 60, "gossip with the new certificate")
    assert first not in shown_by(peers.operations("org1b", "/tls/connections"), name)
    load.flowing()
    for one in ("org1", "org2", "org1b"):
        said = peers.processes[one].text()
        assert "remote hash of TLS cert" not in said, said[said.index("remote hash of TLS cert") - 300:][:600]
    print("ok   a peer's client pair: new key, noticed by itself; Deliver and gossip show it, and sign for it")

    good = {file: (home / file).read_bytes() for file in ("server.crt", "server.key")}
    for what, words in ((dict(usage="serverAuth"), "it is not for clientAuth, as the one in force is"),
                        (dict(usage="clientAuth", tlsca=other_ca(net.folder / "elsewhere")), "it was issued by CN=tlsca.elsewhere"),
                        (dict(usage="clientAuth", days=-1), "it has expired on")):
        Renewal.put(home, net.renewal.pair(home, what.pop("tlsca", ca), new_key=True, **what))
        refused(peers.operations("org1", "/tls/reload", "PUT"), "the new client TLS certificate is not taken", words, str(home / "server.crt"))
    for file, content in good.items():
        (home / file).write_bytes(content)
    assert not peers.operations("org1", "/tls/reload", "PUT")["refused"]
    load.flowing()
    print("ok   one without clientAuth, of another CA, or expired stays out")


def peers_server_pair(net, peers, load):
    home = peers.peer_tls("org1")
    fresh = net.renewal.pair(home, peers.org("org1") / "tlsca", new_key=True, usage="serverAuth")
    Renewal.put(home, fresh)
    taken(peers.processes["org1"], serial_of(fresh / "server.crt"))
    load.flowing()
    made = [entry for entry in peers.operations("org1", "/tls/certificates")["certificates"] if entry["role"] == "chaincode TLS"]
    assert len(made) == 1 and not made[0]["file"], made
    print("ok   its server pair, for serverAuth only; the listener for chaincode has one that no file holds")


def orderers_client_pair(net, load, leader):
    process, role = net.processes[leader], "cluster client"
    others = {0, 1, 2} - {leader}
    at_other = lambda i: shown_by(net.operations(i, "/tls/connections"), f"orderer{leader}")
    before = {i: at_other(i) for i in others}
    # The same key.
    serial = net.renew(leader, role, new_key=False)
    process.popen.send_signal(signal.SIGHUP)
    taken(process, serial)
    net.wait(lambda: all(at_other(i) == {serial} for i in others), 60, f"the leader's new certificate {serial} in place of {before}")
    load.flowing()
    print("ok   an orderer's pair for dialling others: the same key, on SIGHUP; it moves to connections that show it")

    good = net.pair(leader, role)[0].parent
    kept = shutil.copytree(good, net.folder / "kept_client")
    for what, words in ((dict(new_key=True), "channel mychannel names this consenter by the old one"),
                        (dict(new_key=False, tlsca=net.folder / "elsewhere"), "it was issued by CN=tlsca.elsewhere"),
                        (dict(new_key=False, usage="serverAuth"), "it is not for clientAuth, as the one in force is")):
        net.renew(leader, role, **what)
        refused(net.reload(leader), "the new cluster client TLS certificate is not taken", words, str(good / "server.crt"))
        Renewal.put(good, kept)
    assert not net.reload(leader)["refused"]
    print("ok   a key that the channel does not name, another CA, and one without clientAuth stay out")

    # A new key: it waits on disk until the channel names it. Raft's leader steps down for that; then it dials the new one.
    serial = net.renew(leader, role, new_key=True)
    process.wait_for("new cluster client TLS certificate is not taken: its public key is a new one", 60)
    net.replace_consenter(leader, through=leader)
    taken(process, serial)
    net.wait(lambda: serial in at_other(net.wait_for_leader()), 60, "its new key at the one that leads now")
    load.flowing()
    print("ok   a new key, once the channel's configuration names it")


def orderers_listener_pair(net, load, leader):
    process, role, port = net.processes[leader], "cluster server", net.consenter_port(leader)
    serial = net.renew(leader, role, new_key=False)
    taken(process, serial)
    assert presented(net, port, leader) == serial
    load.flowing()
    print("ok   an orderer's cluster listener: the same key, noticed by itself")

    home = net.pair(leader, role)[0].parent
    kept = shutil.copytree(home, net.folder / "kept_server")
    for what, words in ((dict(new_key=True), "channel mychannel names this consenter by the old one"),
                        (dict(new_key=False, names=("localhost",)), "others dial this node as 127.0.0.1"),
                        (dict(new_key=False, usage="clientAuth"), "it is not for serverAuth, as the one in force is"),
                        (dict(new_key=False, tlsca=net.folder / "elsewhere"), "it was issued by CN=tlsca.elsewhere")):
        net.renew(leader, role, **what)
        refused(net.reload(leader), "the new cluster server TLS certificate is not taken", words, str(home / "server.crt"))
        Renewal.put(home, kept)
    assert not net.reload(leader)["refused"] and presented(net, port, leader) == serial
    print("ok   a key that the channel does not name, a certificate without the name that is dialled, without serverAuth, of another CA stay out")

    serial = net.renew(leader, role, new_key=True)
    process.wait_for("new cluster server TLS certificate is not taken: its public key is a new one", 60)
    net.replace_consenter(leader, through=leader)
    taken(process, serial)
    assert presented(net, port, leader) == serial
    for i in {0, 1, 2} - {leader}:
        net.processes[i].wait_for(f"Deactivating node .*{port} due to TLS certificate change", 60)
    load.flowing()
    net.wait_for_height(net.height(net.wait_for_leader()), [leader])
    print("ok   a new key, once the channel's configuration names it: the others' pins follow")

    # What its clients see has a key that no channel names, and is used for nothing else.
    serial = net.renew(leader, "general", new_key=True, usage="serverAuth")
    taken(process, serial)
    assert presented(net, net.port(leader), leader) == serial
    load.flowing()
    print("ok   its general listener: a new key, for serverAuth only")


def start_second_peer(peers):
    return peers.start_peer("org1b", **peers.operations_tls("org1b"), CORE_PEER_LOCALMSPID="Org1MSP",
                            CORE_PEER_ID="peer1.org1.example.com")


def start_peers(peers):
    start_second_peer(peers)
    for name in ("org1", "org2"):
        client = peers.client_pair(name)
        more = dict(CORE_PEER_TLS_CLIENTCERT_FILE=client / "server.crt", CORE_PEER_TLS_CLIENTKEY_FILE=client / "server.key",
                    CORE_PEER_GOSSIP_RECONNECTINTERVAL="1s", CORE_PEER_GOSSIP_ALIVETIMEINTERVAL="1s",
                    CORE_PEER_GOSSIP_ALIVEEXPIRATIONTIMEOUT="5s")
        if name == "org1":
            more["CORE_PEER_GOSSIP_BOOTSTRAP"] = f"127.0.0.1:{peers.ports['org1b']}"
        peers.start_peer(name, **peers.operations_tls(name), **more)


def main():
    our = ours()
    for program in ("basic_chaincode", "bench_network"):
        if not (our / program).exists():
            skip(f"{program} is not built")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        with Peers(folder) as peers, Cluster(folder, ["ours"] * 3, separate_listener={0, 1, 2}, tick="500ms", peers=2, operations_tls=True,
                                             anchors=[peers.ports["org1"], peers.ports["org2"]]) as net:
            net.peers_net = peers
            net.start()
            peers.ports["orderer"] = net.port(0)
            start_peers(peers)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                list(pool.map(lambda org: peers.cli(org, "channel", "join", "-b", net.genesis), ("org1", "org2")))
            deploy(peers, folder, our / "basic_chaincode")
            leader = net.wait_for_leader()
            peers.ports["orderer"] = net.port(leader)
            with Load(peers, "--gateway") as load:
                load.flowing()
                peers_client_pair(net, peers, load, leader, [leader, (leader + 1) % 3])
                peers_server_pair(net, peers, load)
                orderers_client_pair(net, load, leader)
                orderers_listener_pair(net, load, leader)
                told = load.end()
            print(f"ok   {told}, {wait_for_equal_height(peers)} blocks")


if __name__ == "__main__":
    main()
