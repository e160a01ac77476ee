#!/usr/bin/env python3
"""Who a peer and an orderer let in: organisations of every kind of MSP on one channel, members good and bad of each, asked
through our own client: a query at the peer, a read and a write at the orderer. What is refused is refused in Fabric's words.

Kinds of keys (P-384, P-521, Ed25519, RSA CAs), intermediates, revocation lists, admincerts without NodeOUs, OU identifiers,
NodeOUs, expiry, and the time windows of both. Ed25519 needs the channel's capability V3_0: a second channel has it not.

With FABRIC_GO_BIN the same is asked of upstream's peer and orderer, which must say what is written here.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, configtx, ours, skip  # noqa: E402

CA_CONFIG = """
[ca]
default_ca = it
[it]
dir = {0}
database = {0}/index.txt
new_certs_dir = {0}/issued
rand_serial = yes
unique_subject = no
default_md = default
default_crl_days = 3650
policy = any
x509_extensions = leaf
crl_extensions = crl
[any]
organizationalUnitName = optional
commonName = supplied
[req]
distinguished_name = none
prompt = no
[none]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
authorityKeyIdentifier = keyid
[crl]
authorityKeyIdentifier = keyid
"""
KEYS = {"p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "p521": ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ed25519": ["ED25519"], "rsa": ["RSA"]}
ALWAYS = ("20240101000000Z", "20440101000000Z")
ENDED = ("20240101000000Z", "20250101000000Z")
AHEAD = ("20400101000000Z", "20440101000000Z")


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr}"


class Authority:
    """A CA of its own folder, by the openssl program."""

    def __init__(self, folder, keys="p256", issuer=None, dates=ALWAYS):
        self.folder = folder
        (folder / "issued").mkdir(parents=True)
        (folder / "index.txt").write_text("")
        self.config = folder / "ca.cnf"
        self.config.write_text(CA_CONFIG.format(folder))
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        if issuer:
            issuer.issue(self.folder, folder.name, keys=keys, names=("ca.pem", "ca.key"), extensions="root")
        else:
            openssl("genpkey", "-algorithm", *KEYS[keys], "-out", self.key)
            self.request(self.key, folder / "ca.csr", folder.name)
            openssl("ca", "-config", self.config, "-selfsign", "-keyfile", self.key, "-in", folder / "ca.csr", "-out",
                    self.certificate, "-startdate", dates[0], "-enddate", dates[1], "-extensions", "root", "-batch", "-notext")

    def request(self, key, file, name, unit=""):
        openssl("req", "-new", "-config", self.config, "-key", key, "-subj", (f"/OU={unit}" if unit else "") + f"/CN={name}",
                "-out", file)

    def issue(self, folder, name, unit="", keys="p256", dates=ALWAYS, names=("cert.pem", "priv_sk"), extensions="leaf"):
        certificate, key = folder / names[0], folder / names[1]
        openssl("genpkey", "-algorithm", *KEYS[keys], "-out", key)
        self.request(key, folder / "csr", name, unit)
        openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-in", folder / "csr", "-out",
                certificate, "-startdate", dates[0], "-enddate", dates[1], "-extensions", extensions, "-batch", "-notext")
        (folder / "csr").unlink()
        return certificate

    def revoke(self, certificate):
        openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-revoke", certificate)

    def revocations(self, file):
        openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-gencrl", "-out", file)


class Organization:
    """MSP folders: msp/ for the channel, <member>/ for each member."""

    def __init__(self, folder, name, keys="p256", readers=None, intermediate=False, dates=ALWAYS):
        self.folder, self.name, self.mspid = folder / name, name, f"{name}MSP"
        self.readers = readers or f"'{self.mspid}.member'"
        self.root = self.ca = Authority(self.folder / f"ca.{name}", keys, dates=dates)
        self.msp = self.folder / "msp"
        (self.msp / "cacerts").mkdir(parents=True)
        shutil.copy(self.root.certificate, self.msp / "cacerts" / "ca.pem")
        if intermediate:
            self.ca = Authority(self.folder / f"ica.{name}", keys, issuer=self.root)
            (self.msp / "intermediatecerts").mkdir()
            shutil.copy(self.ca.certificate, self.msp / "intermediatecerts" / "ica.pem")

    def member(self, name, unit="client", keys="p256", dates=ALWAYS, of=None):
        folder = self.folder / name
        for part in ("signcerts", "keystore"):
            (folder / part).mkdir(parents=True)
        certificate = (of or self.ca).issue(folder, name, unit, keys, dates)
        shutil.move(folder / "priv_sk", folder / "keystore" / "priv_sk")
        return shutil.move(certificate, folder / "signcerts" / "cert.pem")

    def name_admin(self, certificate):
        (self.msp / "admincerts").mkdir()
        shutil.copy(certificate, self.msp / "admincerts" / "admin.pem")

    def publish(self):
        """What the channel knows, into the members' folders as well. NodeOUs, unless the MSP is of another kind."""
        if not (self.msp / "admincerts").exists():
            (self.msp / "config.yaml").write_text(NODE_OUS)
        for member in self.folder.iterdir():
            if (member / "signcerts").exists():
                shutil.copytree(self.msp, member, dirs_exist_ok=True)


NODE_OUS = "NodeOUs:\n  Enable: true\n" + "".join(
    f"  {role}OUIdentifier:\n    OrganizationalUnitIdentifier: {role.lower()}\n"
    for role in ("Client", "Peer", "Admin", "Orderer"))


def organizations(folder):
    """name -> Organization."""
    made = {}

    def org(name, **how):
        made[name] = Organization(folder, name, **how)
        return made[name]

    for keys in ("p384", "p521", "ed25519"):
        org(keys.capitalize(), keys=keys).member("user", keys=keys)
    rsa = org("Rsa", keys="rsa")
    rsa.member("user")

    between = org("Between", intermediate=True)
    between.member("user")
    between.member("ofroot", of=between.root)

    revoking = org("Revoking")
    revoking.member("user")
    revoking.ca.revoke(revoking.member("revoked"))
    (revoking.msp / "crls").mkdir()
    revoking.ca.revocations(revoking.msp / "crls" / "crl.pem")

    classic = org("Classic", readers="'ClassicMSP.admin'")
    classic.member("user")
    classic.name_admin(classic.member("boss"))

    units = org("Units")
    units.name_admin(units.member("user", unit="sales"))
    units.member("buyer", unit="purchase")
    (units.msp / "config.yaml").write_text("OrganizationalUnitIdentifiers:\n  - Certificate: cacerts/ca.pem\n"
                                           "    OrganizationalUnitIdentifier: sales\n")

    nodes = org("Nodes", readers="'NodesMSP.client'")
    nodes.member("user")
    nodes.member("peer", unit="peer")
    nodes.member("nobody", unit="")

    ending = org("Ending")
    ending.member("user")
    ending.member("ended", dates=ENDED)
    ending.member("ahead", dates=AHEAD)
    ending.member("foreign", of=between.root)
    ending.member("foreignrsa", of=rsa.ca)
    org("Oldca", dates=ENDED).member("user")
    for one in made.values():
        one.publish()
    return made


DENIED = "access denied: channel [mychannel] creator org [{0}]"
MALFORMED = "access denied: channel [mychannel] creator org unknown, creator is malformed"
NO_READER = ("access denied for [GetChainInfo][mychannel]: [Failed evaluating policy on signed data during check policy on "
             "channel [mychannel] with policy [/Channel/Application/Readers]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but this "
             "policy requires 1 of the 'Readers' sub-policies to be satisfied]]")
OK = "ok"
FORBIDDEN, BAD_REQUEST = "FORBIDDEN", "BAD_REQUEST"
NOT_ASKED = None
# organisation, member: what the peer says to a query, the orderer to a read, the orderer to a write.
VERDICTS = {
    ("P384", "user"): (OK, OK, OK),
    ("P521", "user"): (OK, OK, OK),
    ("Ed25519", "user"): (OK, OK, OK),
    ("Rsa", "user"): (OK, OK, OK),
    ("Between", "user"): (OK, OK, OK),
    ("Between", "ofroot"): (DENIED.format("BetweenMSP"), FORBIDDEN, FORBIDDEN),
    ("Revoking", "user"): (OK, OK, OK),
    ("Revoking", "revoked"): (DENIED.format("RevokingMSP"), FORBIDDEN, FORBIDDEN),
    ("Classic", "boss"): (OK, OK, OK),
    ("Classic", "user"): (NO_READER, FORBIDDEN, FORBIDDEN),
    ("Units", "user"): (OK, OK, OK),
    ("Units", "buyer"): (DENIED.format("UnitsMSP"), FORBIDDEN, FORBIDDEN),
    ("Nodes", "user"): (OK, OK, OK),
    ("Nodes", "peer"): (NO_READER, FORBIDDEN, FORBIDDEN),
    ("Nodes", "nobody"): (DENIED.format("NodesMSP"), FORBIDDEN, FORBIDDEN),
    ("Ending", "user"): (OK, OK, OK),
    ("Ending", "ended"): ("proposal client identity expired", NOT_ASKED, BAD_REQUEST),
    ("Ending", "ahead"): (OK, OK, OK),  # Fabric holds a chain against the moment at which the certificate began
    ("Ending", "foreign"): (MALFORMED, NOT_ASKED, FORBIDDEN),  # its signature cannot be brought to low S without the CA's key
    ("Ending", "foreignrsa"): (DENIED.format("EndingMSP"), FORBIDDEN, FORBIDDEN),
    ("Oldca", "user"): (OK, OK, OK),
}


class IdentityNetwork(Network):
    """Orderer and peer of one make, everything else of ours; the channel "mychannel" has all organisations."""

    def __init__(self, folder, make, orgs, capability):
        our = ours()
        super().__init__(folder, cryptogen=our / "cryptogen", configtxgen=our / "configtxgen", orderer=make / "orderer",
                         peer=make / "peer", osnadmin=our / "osnadmin", cli=our / "peer")
        self.orgs, self.capability = orgs, capability

    def make_material(self):
        super().make_material()
        text = configtx(self.crypto, self.ports["orderer"]).replace("Capabilities: {V3_0: true}",
                                                                    f"Capabilities: {{{self.capability}: true}}")
        more = ""
        for org in self.orgs.values():
            rules = {"Readers": org.readers, "Writers": org.readers, "Admins": f"'{org.mspid}.admin'",
                     "Endorsement": f"'{org.mspid}.member'"}
            policies = "".join(f"      {p}: {{Type: Signature, Rule: \"OR({r})\"}}\n" for p, r in rules.items())
            more += f"  - &{org.name}\n    Name: {org.name}\n    ID: {org.mspid}\n    MSPDir: {org.msp}\n    Policies:\n{policies}"
        text = text.replace("Profiles:\n", more + "Profiles:\n")
        text = text.replace("[*Org1, *Org2]", "[" + ", ".join(f"*{name}" for name in ("Org1", "Org2", *self.orgs)) + "]")
        (self.folder / "configtx.yaml").write_text(text)
        self.run("configtxgen", "-configPath", str(self.folder), "-profile", "TwoOrgs", "-channelID", "mychannel",
                 "-outputBlock", str(self.block))

    def start(self):
        self.make_material()
        self.start_orderer()
        self.start_peer("org1")
        joined = self.admin("join", "--channelID", "mychannel", "--config-block", self.block)
        assert "Status: 201" in joined.stdout, joined.stdout + joined.stderr
        self.processes["orderer"].wait_for("Start accepting requests as Raft leader")
        self.cli("org1", "channel", "join", "-b", self.block)

    def ask(self, tool, address, ca, org, member, *more):
        """One of our tools as a member; `peer` itself would refuse to start with some of these."""
        tls = self.org("org1") / "users/Admin@org1.example.com/tls"
        return subprocess.run([ours() / tool, address, ca, self.orgs[org].folder / member, self.orgs[org].mspid,
                               tls / "client.crt", tls / "client.key", "mychannel", *more],
                              capture_output=True, text=True, timeout=120)

    def query(self, org, member):
        done = self.ask("ask_peer", f"127.0.0.1:{self.ports['org1']}", self.peer_tls("org1") / "ca.crt", org, member)
        said = (done.stdout + done.stderr).strip()
        said = re.sub(r"^.*?(access denied|proposal client|request unauthorized)", r"\1", said)
        return re.sub(r'["\\]+$', "", said)

    def read(self, org, member):
        """Our `peer channel fetch`; it does not start with an identity that has ended or that its MSP does not know."""
        if member in ("ended", "foreign"):
            return NOT_ASKED
        done = self.cli("org1", "channel", "fetch", "newest", self.folder / "newest", "-c", "mychannel",
                        *self.orderer_flags("org1"), check=False,
                        CORE_PEER_MSPCONFIGPATH=self.orgs[org].folder / member, CORE_PEER_LOCALMSPID=self.orgs[org].mspid)
        return verdict(done)

    def write(self, org, member):
        return verdict(self.ask("make_blocks", f"127.0.0.1:{self.ports['orderer']}", self.orderer_ca, org, member, "1"))


def verdict(done):
    """Of the orderer."""
    if done.returncode == 0:
        return OK
    found = re.search(r"FORBIDDEN|BAD_REQUEST", done.stdout + done.stderr)
    return found.group(0) if found else (done.stdout + done.stderr).strip()[-300:]


def verdicts(net, wrong):
    for (org, member), wanted in VERDICTS.items():
        got = (net.query(org, member), net.read(org, member), net.write(org, member))
        if got != wanted:
            wrong.append(f"{org} {member}: {got}, not {wanted}")


def windows(net, wrong):
    """No clock is that good."""
    net.processes["org1"].stop()
    net.start_peer("org1", CORE_PEER_AUTHENTICATION_TIMEWINDOW="1ns")
    got = re.sub(r"\d{4}-\S+( \d\S*)?( UTC| \+0000 UTC)?", "TIME", net.query("P384", "user"))
    wanted = r"request unauthorized due to incorrect timestamp TIME.*peer\.authentication\.timewindow 1ns"
    if not re.search(wanted, got):
        wrong.append(f"the peer's window: {got}, not {wanted}")
    net.processes["orderer"].stop()
    plain = net.environment
    net.environment = lambda **more: plain(**{**more, "ORDERER_GENERAL_AUTHENTICATION_TIMEWINDOW": "1ns"})
    net.processes["orderer"].log.unlink()
    net.start_orderer()
    got = net.read("P384", "user")
    if got != BAD_REQUEST:
        wrong.append(f"the orderer's window: {got}, not BAD_REQUEST")


def without_v3(net, wrong):
    net.start()
    for org, wanted in (("Ed25519", (DENIED.format("Ed25519MSP"), FORBIDDEN, FORBIDDEN)), ("P384", (OK, OK, OK))):
        got = (net.query(org, "user"), net.read(org, "user"), net.write(org, "user"))
        if got != wanted:
            wrong.append(f"{org} in a channel without V3_0: {got}, not {wanted}")


def main():
    if not shutil.which("openssl") or not (ours() / "ask_peer").exists():
        skip("openssl or ask_peer is not there")
    makes = {"ours": ours()}
    go = pathlib.Path(os.environ.get("FABRIC_GO_BIN", "/nowhere"))
    if (go / "peer").exists():
        makes["upstream"] = go
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        orgs = organizations(folder / "orgs")
        for make, programs in makes.items():
            found = []
            with IdentityNetwork(folder / make, programs, orgs, "V3_0") as net:
                net.start()
                verdicts(net, found)
                windows(net, found)
            with IdentityNetwork(folder / f"{make}-2", programs, orgs, "V2_0") as net:
                without_v3(net, found)
            wrong += [f"{make}: {line}" for line in found]
    for line in wrong:
        print("FAIL", line)
    if not wrong:
        print(f"{len(VERDICTS)} identities at peer and orderer of {' and '.join(makes)}: the same verdicts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
