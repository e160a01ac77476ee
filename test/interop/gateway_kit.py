"""What the tests of the Gateway's public clients (../gateway_go, _node, _java) share: a network with mutual TLS on every
listener, a chaincode, and what each step of a client must come to.

The steps and their answers are the same for every client and for Fabric's own peers: SELVAGE_INTEROP_NETWORK=upstream makes
the network of the programs in FABRIC_GO_BIN, to see that the test itself is right.
"""
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from network import Network, Process, free_ports, ours, skip, upstream  # noqa: E402

THEIRS = os.environ.get("SELVAGE_INTEROP_NETWORK") == "upstream"
failures = []


def check(name, good, detail=""):
    print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f"\n     {detail}"), flush=True)
    if not good:
        failures.append(name)


def work_folder(name):
    """Kept between runs: what a package manager fetched, what was built."""
    work = pathlib.Path(os.environ.get("SELVAGE_BUILD", tempfile.gettempdir())) / "interop" / name
    work.mkdir(parents=True, exist_ok=True)
    return work


def fetch(what, command, cwd, done=lambda: False):
    """Runs a package manager's command; what cannot be had here is a visible skip."""
    if done():
        return
    ran = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    if ran.returncode != 0:
        skip(f"{what} cannot be had here: " + (ran.stdout + ran.stderr)[-400:])


def serve(net, folder, chaincode, label="cc"):
    """A program as a service for all peers; the package to install, and its id."""
    folder = folder / label
    folder.mkdir()
    address = f"127.0.0.1:{free_ports(1)[0]}"
    tls, user = net.peer_tls("org1"), net.org("org1") / "users/User1@org1.example.com/tls"
    (folder / "connection.json").write_text(json.dumps({
        "address": address, "dial_timeout": "10s", "tls_required": True, "client_auth_required": True,
        "root_cert": (tls / "ca.crt").read_text(), "client_cert": (user / "client.crt").read_text(),
        "client_key": (user / "client.key").read_text()}))
    (folder / "metadata.json").write_text(json.dumps({"type": "ccaas", "label": label}))
    with tarfile.open(folder / "code.tar.gz", "w:gz") as code:
        code.add(folder / "connection.json", "connection.json")
    package = folder / "cc.tar.gz"
    with tarfile.open(package, "w:gz") as whole:
        whole.add(folder / "metadata.json", "metadata.json")
        whole.add(folder / "code.tar.gz", "code.tar.gz")
    package_id = net.cli("org1", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
    net.processes[f"chaincode {label}"] = Process(f"chaincode_{label}", [str(chaincode)], net.environment(
        CORE_CHAINCODE_ID_NAME=package_id, CHAINCODE_ID=package_id, CHAINCODE_SERVER_ADDRESS=address,
        CHAINCODE_TLS_KEY=tls / "server.key", CHAINCODE_TLS_CERT=tls / "server.crt",
        CHAINCODE_CLIENT_CA_CERT=tls / "ca.crt"), folder)
    return package, package_id


def deploy(net, folder, chaincode):
    package, package_id = serve(net, folder, chaincode)
    definition = ["-C", "mychannel", "-n", "cc", "--version", "1", "--sequence", "1"]
    for org in ("org1", "org2"):
        net.cli(org, "lifecycle", "chaincode", "install", package)
        net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *definition,
                "--package-id", package_id)
    net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition,
            *net.peer_flags("org1", "org2"))


def setup(net, folder):
    """What a client is given: one identity and one TLS pair, each once. The file's path."""
    home = net.org("org1") / "users/User1@org1.example.com"
    path = folder / "setup.json"
    path.write_text(json.dumps({
        "Address": f"127.0.0.1:{net.ports['org1']}", "ServerName": "localhost",
        "TLSRoot": str(net.peer_tls("org1") / "ca.crt"),
        "TLSCertificate": str(home / "tls/client.crt"), "TLSKey": str(home / "tls/client.key"),
        "MSPID": "Org1MSP", "Certificate": str(next((home / "msp/signcerts").iterdir())),
        "Key": str(next((home / "msp/keystore").iterdir())), "Channel": "mychannel", "Chaincode": "cc"}))
    return path


def wait_for_peers(net):
    """Until gossip has told org1's peer of org2's chaincode: before that no combination of peers satisfies the policy."""
    deadline = time.monotonic() + 60
    while True:
        home = net.org("org1") / "users/User1@org1.example.com"
        found = net.run("discover", "endorsers", "--server", f"127.0.0.1:{net.ports['org1']}", "--channel", "mychannel",
                        "--chaincode", "cc", "--peerTLSCA", net.peer_tls("org1") / "ca.crt", "--tlsCert",
                        home / "tls/client.crt", "--tlsKey", home / "tls/client.key", "--userKey",
                        next((home / "msp/keystore").iterdir()), "--userCert", next((home / "msp/signcerts").iterdir()),
                        "--MSP", "Org1MSP", check=False)
        if found.returncode == 0:
            return found.stdout
        if time.monotonic() > deadline:
            raise RuntimeError("the peers do not find each other:\n" + found.stderr + net.processes["org1"].text()[-3000:])
        time.sleep(0.1)  # between two questions; what counts is the deadline


def judge(steps, everything, skipped=()):
    get = lambda step: steps.get(step, {"error": "nothing was printed:\n" + everything[-3000:]})

    def answers(step, wanted):
        if step not in skipped:
            check(step, get(step).get("answer") == wanted, get(step))

    def refused(step, *parts, detail=None):
        if step in skipped:
            return
        said = get(step)
        everything_said = json.dumps(said)
        good = "error" in said and all(part in everything_said for part in parts)
        if detail:
            good = good and any(detail in d["message"] and d["mspId"] == "Org1MSP" and d["address"].startswith("127.0.0.1:")
                                for d in said.get("details") or [])
        check(step, good, said)

    answers("submit", "")
    answers("evaluate", "one")
    answers("async submit", "")
    answers("async commit", True)
    answers("offline signing", "VALID")
    answers("chaincode event", "happened=42")
    answers("event after checkpoint", "again=43")
    answers("block event", 0)
    answers("filtered block event", "mychannel 0 VALID")
    answers("block and private data event", 0)
    no_function = "chaincode response 500, no function no such function"
    refused("evaluate error", "evaluate call to endorser returned error: " + no_function, detail=no_function)
    refused("endorse error", "failed to endorse transaction, see attached details for more info", detail=no_function)
    refused("unknown chaincode", "no peers available to evaluate chaincode nosuchchaincode in channel mychannel")
    refused("unknown channel", "failed to get config for channel [nosuchchannel]")
    refused("unknown organisation", "failed to find any endorsing peers for org(s): Org9MSP")
    refused("too few endorsements", "ENDORSEMENT_POLICY_FAILURE")
    answers("unchanged", "offline")


def in_any_order(value):
    if isinstance(value, dict):
        return {key: in_any_order(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted((in_any_order(one) for one in value), key=json.dumps)
    return value


def groups_by_members(descriptors):
    """Names of groups are arbitrary: each becomes the endpoints that are in it."""
    for one in descriptors:
        names = {name: "+".join(sorted(peer["Endpoint"] for peer in peers)) for name, peers in one["EndorsersByGroups"].items()}
        one["EndorsersByGroups"] = {names[name]: peers for name, peers in one["EndorsersByGroups"].items()}
        for layout in one["Layouts"]:
            layout["quantities_by_group"] = {names[name]: n for name, n in layout["quantities_by_group"].items()}
    return descriptors


def run_with(use):
    """use(net, folder, given) on a network whose chaincode both organisations run and know of each other."""
    bin_folder = upstream() if THEIRS else ours()
    programs = {}
    for program in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin"):
        programs[program] = bin_folder / program
        if not programs[program].exists():
            skip(f"{bin_folder} has no {program}")
    chaincode = ours() / "interop_cpp_chaincode"
    if not chaincode.exists():
        skip(f"no {chaincode}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with Network(folder / "network", **programs, anchors=True) as net:
            net.programs["discover"] = bin_folder / "discover"
            net.start()
            deploy(net, folder, chaincode)
            wait_for_peers(net)
            use(net, folder, json.loads(setup(net, folder).read_text()))
            if failures:
                print(net.processes["org1"].text()[-3000:])
    sys.exit(1 if failures else 0)


def run(command, skipped=()):
    """command(setup file) -> the client's argument list; judge() says what it must come to."""
    def use(_net, folder, _given):
        done = subprocess.run(list(map(str, command(folder / "setup.json"))), capture_output=True, text=True, timeout=240)
        everything = done.stdout + done.stderr
        steps = {}
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                steps[json.loads(line)["step"]] = json.loads(line)
        if steps:
            judge(steps, everything, skipped)
        else:
            check("the client says something", False, everything[-3000:])
    run_with(use)
