#!/usr/bin/env python3
"""Plugins of a peer: samples/freeze_plugin in core.yaml, and chaincodes whose definitions name it for endorsement and
validation. Then a peer that has no such plugin: it says so in Fabric's words, its channel stands still, the peer goes on, and
with the plugin it catches up to the same block file. Last what is no plugin of ours, a Go plugin first of all.

With FABRIC_GO_BIN upstream's peer is the one without the plugin, beside ours: the same words to the client and in the log.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, Network, Process, free_ports, ours, skip  # noqa: E402
from peer_beside_upstream import block_file, make_package, wait_for_equal_height  # noqa: E402

BOTH = ("org1", "org2")
FROZEN = "the chaincode is frozen by the regulator"
MISSING = "plugin with name freeze wasn't found"
STOPPED = f"Failed executing VSCC due to plugin with name freeze couldn't be used: {MISSING}"


def expect(text, *wanted):
    for part in wanted:
        assert part in text, f"no '{part}' in:\n{text}"


def with_plugin(folder, library, proposals=None):
    """A copy of config/ whose core.yaml has the plugin under the name "freeze"; `proposals`: a filter and a decorator more."""
    folder.mkdir()
    for file in (ROOT / "config").iterdir():
        shutil.copy(file, folder)
    core = (folder / "core.yaml").read_text()
    for kind in ("endorsers", "validators"):
        assert core.count(f"    {kind}:\n") == 1, core
        core = core.replace(f"    {kind}:\n", f"    {kind}:\n      freeze:\n        library: {library}\n")
    for kind in ("authFilters", "decorators") if proposals else ():
        assert core.count(f"    {kind}:\n") == 1, core
        core = core.replace(f"    {kind}:\n", f"    {kind}:\n      - library: {proposals}\n")
    (folder / "core.yaml").write_text(core)
    return folder


def define(net, package_id, name, *flags):
    definition = ["-C", "mychannel", "-n", name, "--version", "1", "--sequence", "1", "--signature-policy",
                  "OR('Org1MSP.peer','Org2MSP.peer')", *flags]
    for org in BOTH:
        net.cli(org, "lifecycle", "chaincode", "approveformyorg", *net.orderer_flags(org), *definition, "--package-id",
                package_id)
    net.cli("org1", "lifecycle", "chaincode", "commit", *net.orderer_flags("org1"), *definition, *net.peer_flags(*BOTH))


def serve(net, name):
    """The chaincode program as a service under a package of its own, installed on both peers; gives the package's id."""
    folder = net.folder / f"package-{name}"
    folder.mkdir()
    address = f"127.0.0.1:{free_ports(1)[0]}"
    package = make_package(folder, address)
    package_id = net.cli("org1", "lifecycle", "chaincode", "calculatepackageid", package).stdout.strip()
    env = net.environment(CHAINCODE_ID=package_id, CHAINCODE_SERVER_ADDRESS=address, CHAINCODE_TLS_DISABLED="true")
    net.processes[name] = Process(name, [str(ours() / "interop_cpp_chaincode")], env, net.folder)
    for org in BOTH:
        net.cli(org, "lifecycle", "chaincode", "install", package)
    return package_id


def deploy(net):
    """The regulator; and one program as two chaincodes, with both plugins and with the default's endorsement."""
    define(net, serve(net, "regulator"), "regulator")
    package_id = serve(net, "regulated")
    define(net, package_id, "frozen", "-E", "freeze", "-V", "freeze")
    define(net, package_id, "guarded", "--validation-plugin", "freeze")


def invoke(net, name, *arguments, orgs=("org1",)):
    call = '{"Args":[' + ",".join(f'"{a}"' for a in arguments) + "]}"
    done = net.cli("org1", "chaincode", "invoke", *net.orderer_flags("org1"), *net.peer_flags(*orgs), "-C", "mychannel", "-n",
                   name, "-c", call, "--waitForEvent", check=False)
    return done.stdout + done.stderr


def stands(answer):
    expect(answer, "Chaincode invoke successful. result: status:200", "committed with status (VALID)")


def plugins_judge(net):
    committed = net.cli("org1", "lifecycle", "chaincode", "querycommitted", "-C", "mychannel", "-n", "frozen").stdout
    expect(committed, "Endorsement Plugin: freeze, Validation Plugin: freeze")
    for name in ("frozen", "guarded"):
        stands(invoke(net, name, "put", "k", "1", orgs=BOTH))
        stands(invoke(net, "regulator", "put", f"frozen/{name}", "yes"))
    expect(invoke(net, "frozen", "put", "k", "2"), f"endorsing with plugin failed: {FROZEN}")
    expect(invoke(net, "guarded", "put", "k", "2"), "transaction invalidated with status (ENDORSEMENT_POLICY_FAILURE)")
    for org in BOTH:
        net.processes[org].wait_for(f'code=ENDORSEMENT_POLICY_FAILURE reason="{FROZEN}"')
        assert net.cli(org, "chaincode", "query", "-C", "mychannel", "-n", "guarded", "-c",
                       '{"Args":["get","k"]}').stdout == "1\n"
    stands(invoke(net, "regulator", "del", "frozen/frozen"))
    stands(invoke(net, "frozen", "put", "k", "2"))


def filter_and_decorator(net):
    """src/plugin/testdata/test_plugin.c: refuses who says "tomorrow", adds a decoration to each call, of a chaincode too."""
    expect(invoke(net, "guarded", "put", "tomorrow", "1"), "rpc error: code = Unknown desc = not today")
    for call in ('["decorations"]', '["call","regulator","","decorations"]'):
        said = net.cli("org1", "chaincode", "query", "-C", "mychannel", "-n", "guarded", "-c", '{"Args":' + call + "}").stdout
        assert said in ("1\n", "200:1:\n"), said


def peer_without_the_plugin(net):
    """org2 has none. What a client is told, and what becomes of its channel."""
    expect(invoke(net, "frozen", "put", "k", "3", orgs=("org2",)),
           f"endorsing with plugin failed: plugin with name freeze could not be used: {MISSING}")
    stands(invoke(net, "frozen", "put", "k", "3"))  # org1 has it
    line = net.processes["org2"]
    line.wait_for(re.escape(STOPPED) + r"[^\n]*Aborting chain processing")
    assert line.popen.poll() is None, "the peer has ended"
    expect(net.cli("org2", "channel", "list").stdout, "mychannel")
    stood = height(net, "org2")
    stands(invoke(net, "regulator", "put", "another", "1"))
    assert height(net, "org2") == stood, "the channel went on without a judgement"


def height(net, org):
    return int(re.search(r'"height":(\d+)', net.cli(org, "channel", "getinfo", "-c", "mychannel").stdout).group(1))


def our_peers(folder, config):
    our = ours()
    with Network(folder / "ours", **{p: our / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")},
                 config=config) as net:
        net.start()
        deploy(net)
        plugins_judge(net)
        filter_and_decorator(net)
        net.processes["org2"].stop()
        net.start_peer("org2", FABRIC_CFG_PATH=ROOT / "config")
        peer_without_the_plugin(net)
        net.processes["org2"].stop()
        assert net.processes["org2"].popen.returncode == 0, "a channel that stands still is no failure of the peer"
        net.start_peer("org2")
        wait_for_equal_height(net)
        assert block_file(net, "org1") == block_file(net, "org2"), "block files differ"
        not_plugins(net, folder)


def go_plugin(folder):
    """A real one where Go is there, else the symbol by which they are told."""
    library = folder / "go.so"
    if shutil.which("go"):
        source = folder / "go"
        source.mkdir()
        (source / "go.mod").write_text("module example.org/none\n\ngo 1.20\n")
        (source / "plugin.go").write_text("package main\n\nfunc NewPluginFactory() int { return 1 }\n")
        subprocess.run(["go", "build", "-buildmode=plugin", "-o", library, "."], cwd=source, check=True, timeout=300,
                       env={**os.environ, "CGO_ENABLED": "1", "GOFLAGS": "-mod=mod"})
    else:
        library.write_bytes(b"\x7fELF go:link.pkghashbytes.main")
    return library


def not_plugins(net, folder):
    """A peer does not start with what it cannot load, and says the setting, the file and the remedy in one line."""
    cases = {
        go_plugin(folder): "is a Go plugin, which only Go Fabric's peer can load",
        ROOT / "README.md": "Error opening plugin at path",
        folder / "nothing.so": "Could not find plugin at path",
    }
    for number, (library, words) in enumerate(cases.items()):
        config = with_plugin(folder / f"config{number}", library)
        msp = net.peer_tls("org1").parent / "msp"
        env = net.environment(FABRIC_CFG_PATH=config, CORE_PEER_MSPCONFIGPATH=msp, CORE_PEER_LOCALMSPID="Org1MSP",
                              CORE_PEER_FILESYSTEMPATH=folder / "nowhere", CORE_PEER_ADDRESS="127.0.0.1:1", CORE_VM_ENDPOINT="")
        done = subprocess.run([str(ours() / "peer"), "node", "start"], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, done
        last = done.stderr.strip().splitlines()[-1]
        expect(last, "Error: peer.handlers.endorsers.freeze.library: ", str(library), words)
        if "nothing" not in str(library):
            expect(last, "plugin_abi.h")


def beside_upstream(folder, config, go):
    our = ours()
    with Network(folder / "mixed", **{p: our / p for p in ("cryptogen", "configtxgen", "orderer", "peer", "osnadmin")},
                 config=config) as net:
        net.make_material()
        net.start_orderer()
        net.start_peer("org1")
        net.programs["peer"] = go / "peer"
        net.start_peer("org2", FABRIC_CFG_PATH=ROOT / "config")
        net.join()
        deploy(net)
        peer_without_the_plugin(net)


def main():
    plugin, proposals = ours() / "freeze_plugin.so", ours() / "test_plugin.so"
    for needed in (plugin, proposals, ours() / "interop_cpp_chaincode"):
        if not needed.exists():
            skip(f"{needed.name} is not built")
    go = pathlib.Path(os.environ.get("FABRIC_GO_BIN", "/nowhere"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        config = with_plugin(folder / "config", plugin, proposals)
        our_peers(folder, config)
        if (go / "peer").exists():
            beside_upstream(folder, config, go)
            print("a peer without the plugin says the same as upstream's")
        print("plugins endorse and judge; a peer without them stands still and catches up")


if __name__ == "__main__":
    main()
