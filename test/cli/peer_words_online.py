#!/usr/bin/env python3
"""Every `peer lifecycle chaincode` command with every flag it has, on a running network: a package out of the peer again,
approvals and commits with each kind of policy and collections, what is approved and committed as text and as JSON, and the
refusals. `peer chaincode`, `peer channel` and `peer snapshot` as far as they change nothing.

With FABRIC_GO_BIN upstream's `peer` gives the same commands for a chaincode of its own, and both must say the same.
"""
import json
import os
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import Network, Process, free_ports, ours, skip  # noqa: E402
from peer_beside_upstream import make_package  # noqa: E402

LIFECYCLE = ["lifecycle", "chaincode"]
BOTH = ("org1", "org2")
COLLECTIONS = [{"name": "secrets", "policy": "OR('Org1MSP.member','Org2MSP.member')", "requiredPeerCount": 0, "maxPeerCount": 1,
                "blockToLive": 3, "memberOnlyRead": True, "memberOnlyWrite": False}]


class Talk:
    """One `peer` program, with a chaincode name of its own."""

    def __init__(self, net, program, name, package):
        self.net, self.program, self.name, self.package = net, program, name, package
        self.folder = net.folder / name
        self.folder.mkdir()
        self.said = []

    def give(self, org, *arguments):
        """What the program says: (code, lines of stdout, lines of stderr), without what differs from run to run."""
        self.net.programs["cli"] = self.program
        # Go's gRPC tells what it does in its own words.
        done = self.net.cli(org, *map(str, arguments), check=False, FABRIC_LOGGING_SPEC="grpc=fatal:info")
        answer = (done.returncode, self.plain(done.stdout), self.plain(done.stderr))
        self.said.append((" ".join(map(str, arguments)).replace(self.name, "NAME"), answer))
        return answer

    def plain(self, text):
        text = re.sub(r"\x1b\[[\d;]*m", "", text)
        text = re.sub(r"(?m)^\d{4}-\d\d-\d\d \S+ UTC \w+ (\w+) \[(\S+)\] \S+ -> ", r"\1 \2 ", text)
        for found, instead in ((str(self.folder), "FOLDER"), (self.name, "NAME"), (r"\b[0-9a-f]{64}\b", "HASH"),
                               (r"timestamp \S+ \S+", "timestamp TIME")):
            text = re.sub(found, instead, text)
        # Why a policy does not parse: ours says it in its own words, upstream in those of a library, or not at all.
        text = re.sub(r"(policy:? OR\().*", r"\1", re.sub(r"(?m)^ \| .*\n", "", text))
        # Ours reads files before it connects, and so may end before this line.
        text = text.replace("INFO channelCmd Endorser and orderer connections initialized\n", "")
        # Which of two peers is told of first is chance; and so is the order of what Go keeps in maps.
        return sorted(re.sub(r"at 127\.0\.0\.1:\d+", "at ADDRESS", line) for line in text.splitlines())

    # -- the conversation ---------------------------------------------------------------------------------------------
    PARTS = ("packages", "definitions", "refusals", "committed", "channels", "profile", "snapshots")

    def packages(self):
        self.give("org1", *LIFECYCLE, "calculatepackageid", self.package)
        self.give("org1", *LIFECYCLE, "calculatepackageid", self.package, "-O", "json")
        self.give("org1", *LIFECYCLE, "queryinstalled")
        code, out, _ = self.give("org1", *LIFECYCLE, "queryinstalled", "-O", "json")
        assert code == 0 and len(json.loads("".join(self.raw("org1", *LIFECYCLE, "queryinstalled", "-O", "json")))
                                 ["installed_chaincodes"]) == 1, out
        self.package_id = self.net.cli("org1", *LIFECYCLE, "calculatepackageid", self.package).stdout.strip()
        code, _, err = self.give("org1", *LIFECYCLE, "getinstalledpackage", "--package-id", self.package_id,
                                 "--output-directory", self.folder)
        assert code == 0, err
        (got,) = self.folder.glob("*.tar.gz")
        assert got.read_bytes() == self.package.read_bytes(), "the package came back changed"
        self.said.append(("the file's name", (got.name, [], [])))
        self.give("org1", *LIFECYCLE, "getinstalledpackage", "--package-id", "nope:0000")
        self.give("org1", *LIFECYCLE, "getinstalledpackage")
        self.give("org1", *LIFECYCLE, "install", self.package)  # it is there
        self.give("org1", *LIFECYCLE, "install", self.folder / "nothing")
        self.give("org1", *LIFECYCLE, "install")
        self.give("org1", *LIFECYCLE, "queryinstalled", "-O", "xml")

    def raw(self, org, *arguments):
        return self.net.cli(org, *map(str, arguments)).stdout.splitlines()

    def define(self, sequence, *flags):
        return ["-C", "mychannel", "-n", self.name, "-v", str(sequence), "--sequence", str(sequence), *map(str, flags)]

    def approve(self, org, definition):
        return self.give(org, *LIFECYCLE, "approveformyorg", *self.net.orderer_flags(org), *definition, "--package-id",
                         self.package_id)

    def collections(self):
        file = self.folder / "collections.json"
        file.write_text(json.dumps(COLLECTIONS))
        return file

    def definitions(self):
        """Three sequences: signature policy and initialisation, a policy of the channel, collections."""
        kinds = [["--signature-policy", "AND('Org1MSP.peer','Org2MSP.peer')", "--init-required"],
                 ["--channel-config-policy", "/Channel/Application/Writers"],
                 ["--collections-config", self.collections(), "-E", "escc", "-V", "vscc"]]
        for sequence, flags in enumerate(kinds, 1):
            definition = self.define(sequence, *flags)
            self.give("org1", *LIFECYCLE, "checkcommitreadiness", *definition)
            code, _, err = self.approve("org1", definition)
            assert code == 0, err
            for output in ([], ["-O", "json"]):
                self.give("org1", *LIFECYCLE, "checkcommitreadiness", *definition, *output)
                self.give("org1", *LIFECYCLE, "checkcommitreadiness", *definition, "--inspect", *output)
                self.give("org1", *LIFECYCLE, "queryapproved", "-C", "mychannel", "-n", self.name, *output)
                self.give("org1", *LIFECYCLE, "queryapproved", "-C", "mychannel", "-n", self.name, "--sequence", sequence, *output)
            # Not what was approved: the inspection says which part differs.
            self.give("org1", *LIFECYCLE, "checkcommitreadiness", *self.define(sequence, "--signature-policy",
                      "OR('Org1MSP.peer')"), "--inspect", "-O", "json")
            code, _, err = self.approve("org2", definition)
            assert code == 0, err
            code, _, err = self.give("org1", *LIFECYCLE, "commit", *self.net.orderer_flags("org1"),
                                     *self.net.peer_flags(*BOTH), *definition)
            assert code == 0, err
            for output in ([], ["-O", "json"]):
                self.give("org1", *LIFECYCLE, "querycommitted", "-C", "mychannel", "-n", self.name, *output)

    def refusals(self):
        approve = [*LIFECYCLE, "approveformyorg", *self.net.orderer_flags("org1")]
        wrong = self.folder / "wrong.json"
        wrong.write_text('[{"name": "secrets", "policy": "OR("}]')
        four = self.define(4)
        for more in (["--signature-policy", "OR(", "--package-id", "x"],
                     ["--signature-policy", "OR('Org1MSP.peer')", "--channel-config-policy", "/Channel/Application/Writers"],
                     ["--channel-config-policy", "/Channel/Application/Nobody"], ["--collections-config", wrong],
                     ["--collections-config", self.folder / "nothing.json"]):
            self.give("org1", *approve, *four, *more)
        self.give("org1", *approve, *self.define(9))                                    # not the next
        self.give("org1", *approve, "-C", "mychannel", "-n", self.name, "-v", "1")      # no sequence
        self.give("org1", *approve, "-C", "mychannel", "-v", "1", "--sequence", "1")    # no name
        self.give("org1", *approve, "-n", self.name, "-v", "1", "--sequence", "1")      # no channel
        self.give("org1", *approve, "-C", "mychannel", "-n", self.name, "--sequence", "4")  # no version
        self.give("org1", *approve, "-C", "nochannel", "-n", self.name, "-v", "1", "--sequence", "1")
        self.give("org1", *LIFECYCLE, "commit", *self.net.orderer_flags("org1"), *self.net.peer_flags(*BOTH), *four)  # not approved
        self.give("org1", *LIFECYCLE, "queryapproved", "-C", "mychannel", "-n", "nobody")
        self.give("org1", *LIFECYCLE, "queryapproved", "-C", "mychannel", "-n", self.name, "--sequence", "7")
        self.give("org1", *LIFECYCLE, "querycommitted", "-C", "mychannel", "-n", "nobody")
        self.give("org1", *LIFECYCLE, "querycommitted", "-C", "mychannel", "-n", self.name, "-O", "xml")
        self.give("org1", *LIFECYCLE, "querycommitted")
        self.give("org1", *LIFECYCLE, "checkcommitreadiness", *self.define(9))

    def committed(self):
        call = ["-C", "mychannel", "-n", self.name, "-c", '{"Args":["get","k"]}']
        self.give("org1", "chaincode", "query", *call, "-r", "-x")
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-c", '{"Args":[]}')
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-n", self.name)
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-n", self.name, "-c", "{")
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-n", self.name, "-c", '{"Arguments":[]}')
        self.give("org1", "chaincode", "invoke", *self.net.orderer_flags("org1"), *self.net.peer_flags(*BOTH), "-C", "mychannel", "-n",
                  self.name, "-c", '{"Args":["put","k","v"]}', "--waitForEvent")
        self.give("org1", "chaincode", "query", *call)
        self.give("org1", "chaincode", "query", *call, "-x")
        self.give("org1", "chaincode", "query", *call, "-r")

        invoke = ["chaincode", "invoke", *self.net.orderer_flags("org1"), "-C", "mychannel", "-n", self.name]
        both = self.net.peer_flags(*BOTH)
        put = ["-c", '{"function":"put","Args":["k","v"]}']
        self.give("org1", *invoke, *put)  # one organisation's endorsement; nobody waits for the verdict
        self.give("org1", *invoke, *put, "--peerAddresses", f"127.0.0.1:{self.net.ports['org1']}", *both)  # a root is missing
        self.give("org1", *invoke, *put, "--peerAddresses", f"127.0.0.1:{self.net.ports['org1']}")
        self.give("org1", *invoke, *both, "-c", '{"Args":["nope"]}')
        self.give("org1", *invoke, *both, "-c", '{"Args":["get","nobody"]}', "--waitForEvent")
        self.give("org1", *invoke, *both, *put, "--isInit")
        self.give("org1", *invoke, *both, *put, "--transient", "{")
        self.give("org1", *invoke, *both, *put, "--transient", '{"secret":"bm90IHRvIGJlIHNlZW4="}', "--waitForEvent")
        self.give("org1", "chaincode", "query", "-C", "nochannel", "-n", self.name, *put)
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-n", "nobody", *put)
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-n", "qscc", "-c", '{"Args":["GetChainInfo","nochannel"]}')
        self.give("org1", "chaincode", "query", "-C", "mychannel", "-n", "qscc", "-c", '{"Args":["Nope","mychannel"]}')

    def channels(self):
        """`peer channel`, as far as it changes nothing."""
        net, block = self.net, self.folder / "a.block"
        orderer = net.orderer_flags("org1")
        self.give("org1", "channel", "list")
        self.give("org1", "channel", "list", "nope")
        self.give("org1", "channel", "getinfo", "-c", "nochannel")
        self.give("org1", "channel", "getinfo")
        for which in ("oldest", "config", "0", "99999", "nope"):
            self.give("org1", "channel", "fetch", which, block, "-c", "mychannel", "--bestEffort", *orderer)
            self.give("org1", "channel", "fetch", which, block, "-c", "mychannel", "--bestEffort")
        self.give("org1", "channel", "fetch", "0", block, "-c", "nochannel", *orderer)
        self.give("org1", "channel", "fetch", "0", block)
        self.give("org1", "channel", "fetch")
        self.give("org1", "channel", "join", "-b", net.block)  # it has joined
        self.give("org1", "channel", "join", "-b", self.folder / "nothing")
        self.give("org1", "channel", "join", "-b", self.package)
        self.give("org1", "channel", "join")
        self.give("org1", "channel", "update", "-c", "mychannel", "-f", self.folder / "nothing", *orderer)
        self.give("org1", "channel", "update", "-c", "mychannel", "-f", net.block, *orderer)
        self.give("org1", "channel", "update", "-f", net.block, *orderer)
        self.give("org1", "channel", "signconfigtx", "-f", self.folder / "nothing")
        self.give("org1", "channel", "signconfigtx", "-f", self.package)
        self.give("org1", "channel", "joinbysnapshotstatus")

    def profile(self):
        """Peers from a connection profile in place of --peerAddresses."""
        file = self.folder / "profile.yaml"
        peers = "".join(f"  peer0.{org}:\n    url: 127.0.0.1:{self.net.ports[org]}\n    tlsCACerts:\n"
                        f"      path: {self.net.peer_tls(org) / 'ca.crt'}\n" for org in BOTH)
        names = "".join(f"      peer0.{org}: {{endorsingPeer: true}}\n" for org in BOTH)
        file.write_text(f"name: net\nversion: 1.0.0\nchannels:\n  mychannel:\n    peers:\n{names}peers:\n{peers}")
        invoke = ["chaincode", "invoke", *self.net.orderer_flags("org1"), "-n", self.name, "-c", '{"Args":["put","k","w"]}',
                  "--waitForEvent"]
        code, _, err = self.give("org1", *invoke, "-C", "mychannel", "--connectionProfile", file)
        assert code == 0 and len([line for line in err if "committed with status (VALID)" in line]) == 2, err
        self.give("org1", *invoke, "-C", "otherchannel", "--connectionProfile", file)
        self.give("org1", *invoke, "-C", "mychannel", "--connectionProfile", self.folder / "nothing.yaml")
        self.give("org1", *invoke, "-C", "mychannel", "--connectionProfile", file, *self.net.peer_flags("org1"))

    def snapshots(self):
        """What the commands say by themselves; what a peer answers is another test's affair."""
        self.give("org1", "snapshot", "submitrequest", "-b", "5")
        self.give("org1", "snapshot", "cancelrequest", "-c", "mychannel")
        self.give("org1", "snapshot", "listpending")
        self.give("org1", "channel", "joinbysnapshot")


def apart(one, other):
    """What is in one answer and not in the other."""
    return one[0], *([line for line in mine if line not in theirs] for mine, theirs in zip(one[1:], other[1:]))


def main():
    if not (ours() / "basic_chaincode").exists():
        skip("basic_chaincode is not built")
    our = ours()
    go = pathlib.Path(os.environ.get("FABRIC_GO_BIN", "/nowhere"))
    with tempfile.TemporaryDirectory() as folder, Network(
            folder, **{p: our / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")}) as net:
        net.start()
        address = f"127.0.0.1:{free_ports(1)[0]}"
        package = make_package(net.folder, address)
        package_id = net.cli("org1", *LIFECYCLE, "calculatepackageid", package).stdout.strip()
        env = net.environment(CHAINCODE_ID=package_id, CHAINCODE_SERVER_ADDRESS=address, CHAINCODE_TLS_DISABLED="true")
        net.processes["chaincode"] = Process("chaincode", [str(our / "basic_chaincode")], env, net.folder)
        for org in BOTH:
            net.cli(org, *LIFECYCLE, "install", package)
        talks = [Talk(net, our / "peer", "wordsone", package)]
        if (go / "peer").exists():
            talks.append(Talk(net, go / "peer", "wordstwo", package))
        for part in Talk.PARTS:
            for talk in talks:
                getattr(talk, part)()
    mine, theirs = talks[0], talks[-1]
    if mine is theirs:
        print(f"{len(mine.said)} commands; FABRIC_GO_BIN not given: not compared")
        return 0
    different = []
    for (command, got), (_, wanted) in zip(mine.said, theirs.said):
        if got != wanted:
            different.append(f"{command}\n  upstream: {apart(wanted, got)}\n  ours:     {apart(got, wanted)}")
    print("\n".join(different) or f"{len(mine.said)} commands: both say the same")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
