#!/usr/bin/env python3
"""`selvage rotate orderer` and `selvage doctor tls` on a running cluster of three: every orderer gets another TLS key, the
leader last, without a restart, in all channels where it is a consenter; one of them has a cluster listener of its own. The
channels are ordered on, and what is wrong with a plan is said before anything changes."""
import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from network import ROOT, ours  # noqa: E402
from orderers_kit import CHANNEL, Orderers  # noqa: E402


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def new_pair(net, i, folder, key=None, ca=None):
    """A certificate of the orderers' TLS CA for node i, with a new key or with `key`."""
    folder.mkdir()
    if key:
        shutil.copy(key, folder / "server.key")
    else:
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / "server.key")
    (folder / "ext").write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
                                f"basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:orderer{i}.example.com,DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-new", "-key", folder / "server.key", "-subj", f"/CN=orderer{i}.example.com", "-out", folder / "csr")
    ca = ca or net.crypto / "ordererOrganizations/example.com/tlsca"
    openssl("x509", "-req", "-in", folder / "csr", "-CA", next(ca.glob("*.pem")), "-CAkey", next(ca.glob("*_sk")), "-CAcreateserial",
            "-days", "300", "-extfile", folder / "ext", "-out", folder / "server.crt")
    return folder


def another_channel(net, name, consenters, members):
    """A channel more, ordered by some of the nodes and joined by `members`."""
    folder = net.folder / name
    folder.mkdir()
    ports = [f"Port: {net.consenter_port(i)}," for i in consenters]
    lines = (net.folder / "configtx.yaml").read_text().splitlines()
    kept = [line for line in lines if "- {Host: " not in line or any(port in line for port in ports)]
    (folder / "configtx.yaml").write_text("\n".join(kept) + "\n")
    net.run("configtxgen", "-configPath", folder, "-profile", "Channel", "-channelID", name, "-outputBlock", folder / "genesis.block")
    for i in members:
        answer = net.admin(i, "join", "--channelID", name, "--config-block", folder / "genesis.block")
        assert "Status: 201" in answer.stdout, answer.stdout


def presented(net, channel, i, through):
    """The server certificate that the channel's configuration, as node `through` has it, names for consenter i."""
    block, text = net.folder / "asked.block", net.folder / "asked.json"
    flags = [channel if word == CHANNEL else word for word in net.flags(through)]
    net.wait(lambda: net.peer("channel", "fetch", "config", block, *flags, check=False).returncode == 0, 60, f"{channel}'s configuration")
    net.run("configtxlator", "proto_decode", "--input", block, "--type", "common.Block", "--output", text)
    config = json.loads(text.read_text())["data"]["data"][0]["payload"]["data"]["config"]
    consenters = config["channel_group"]["groups"]["Orderer"]["values"]["ConsensusType"]["value"]["metadata"]["consenters"]
    return next(base64.b64decode(one["server_tls_cert"]) for one in consenters if one["port"] == net.consenter_port(i))


def rotate(net, i, pair, *more, check=True):
    user = net.crypto / "ordererOrganizations/example.com/users/Admin@example.com"
    others = [word for j in range(3) if j != i for word in ("--orderer", net.address(j))]
    return net.run("selvage", "rotate", "orderer", f"127.0.0.1:{net.consenter_port(i)}", "--new-cert", pair / "server.crt", "--new-key",
                   pair / "server.key", "--admin", f"127.0.0.1:{net.port(i, 'admin')}", *others, "--cafile", net.ca, "--certfile", user / "tls/client.crt",
                   "--keyfile", user / "tls/client.key", "--mspid", "OrdererMSP", "--msp", user / "msp", "--install-cert",
                   net.home(i) / "tls/server.crt", "--install-key", net.home(i) / "tls/server.key", *more, check=check, timeout=180)


def doctor(net, i, **more):
    """Report of node i's doctor, as the node is configured."""
    tls = net.home(i) / "tls"
    orderers = [word for j in range(3) for word in ("--orderer", net.address(j))]
    env = {**dict(ORDERER_GENERAL_LOCALMSPID="OrdererMSP", ORDERER_GENERAL_LOCALMSPDIR=str(net.home(i) / "msp"),
                  ORDERER_GENERAL_TLS_ENABLED="true", ORDERER_GENERAL_TLS_CERTIFICATE=str(tls / "server.crt"),
                  ORDERER_GENERAL_TLS_PRIVATEKEY=str(tls / "server.key"), ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED="true",
                  ORDERER_GENERAL_TLS_CLIENTROOTCAS=f"[{net.ca}]"), **more}
    done = net.run("selvage", "doctor", "tls", "--config", ROOT / "config/orderer.yaml", "--channel", CHANNEL, *orderers, "--json",
                   env=env, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == (2 if report["failures"] else 1 if report["warnings"] else 0), done.returncode
    return report


def codes(report):
    return {finding.get("code", "") for finding in report["findings"] if finding["verdict"] != "ok"}


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="selvage-rotate-"))
    with Orderers(folder, ["ours"] * 3, separate_listener={2}) as net:
        net.start()
        report = doctor(net, 0)
        assert not codes(report), report
        accepted = [f["subject"] for f in report["findings"] if f["section"] == "live" and "accepted as a client" in f["detail"]]
        assert set(map(net.address, range(3))) <= set(accepted), report

        another_channel(net, "second", (0, 1, 2), (0, 1, 2))
        another_channel(net, "lonely", (1,), (1, 0))  # node 0 follows

        # A plan changes nothing, and finds the channels.
        first = new_pair(net, 0, folder / "plan")
        before = net.height(0)
        planned = rotate(net, 0, first, "--dry-run").stdout
        for channel in (CHANNEL, "second"):
            assert f"channel {channel}: consenter 1 of 3, new key: the configuration is updated first" in planned, planned
        assert f"channel lonely: {net.address(0)} is no consenter of it" in planned, planned
        # --channel leaves the others out, and must name one that is there.
        planned = rotate(net, 0, first, "--dry-run", "--channel", "second").stdout
        assert "channel second: consenter 1 of 3" in planned and CHANNEL not in planned, planned
        refused = rotate(net, 0, first, "--dry-run", "--channel", "third", check=False)
        assert refused.returncode == 1 and "no node of --admin has channel third" in refused.stderr, refused.stderr
        # What the others would not believe is refused before anything changes.
        strange = folder / "strange"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "x_sk", "-out",
                folder / "x.pem", "-subj", "/CN=tlsca.elsewhere", "-days", "30")
        (folder / "elsewhere").mkdir()
        shutil.move(folder / "x_sk", folder / "elsewhere/x_sk")
        shutil.move(folder / "x.pem", folder / "elsewhere/x.pem")
        refused = rotate(net, 0, new_pair(net, 0, strange, ca=folder / "elsewhere"), check=False)
        assert refused.returncode == 1 and "signed by unknown authority" in refused.stderr, refused.stderr
        assert net.height(0) == before

        # The same key: the files are replaced, the channel is left alone.
        same = rotate(net, 1, new_pair(net, 1, folder / "same", key=net.home(1) / "tls/server.key"))
        assert "same keys: no update needed" in same.stdout and "presents the new certificate" in same.stdout, same.stdout
        assert net.height(0) == before

        # New keys for all, the leader last.
        leader = net.wait_for_leader()
        height = before
        for i in [i for i in range(3) if i != leader] + [leader]:
            done = rotate(net, i, new_pair(net, i, folder / f"new{i}"))
            assert "presents the new certificate" in done.stdout, done.stdout
            for channel in (CHANNEL, "second") + (("lonely",) if i == 1 else ()):
                assert f"channel {channel}: all orderers asked have the new certificate" in done.stdout, done.stdout
                assert presented(net, channel, i, i) == (net.home(i) / "tls/server.crt").read_bytes(), channel
            height += 1
            net.wait_for_height(height, timeout=60)
            net.wait_for_leader()
            net.touch(through=(i + 1) % 3)
            height += 1
            net.wait_for_height(height)
        print("all three have new keys at height", height)
        assert not codes(doctor(net, 0)), doctor(net, 0)

        # A restart finds the same cluster.
        for i in range(3):
            net.kill(i)
        for i in range(3):
            net.start_one(i)
        net.wait_for_leader()
        net.touch(0)
        net.wait_for_height(height + 1)

        # A key that no channel knows: the running node refuses it, and the doctor says so of a node that has it.
        stray = new_pair(net, 0, folder / "stray")
        found = doctor(net, 0, ORDERER_GENERAL_TLS_CERTIFICATE=str(stray / "server.crt"), ORDERER_GENERAL_TLS_PRIVATEKEY=str(stray / "server.key"))
        assert "TLS-51" in codes(found), found

        # Too few are left to go on.
        net.kill(1)
        few = rotate(net, 0, new_pair(net, 0, folder / "few"), check=False)
        assert few.returncode == 1 and "no orderer that answers has channel lonely" in few.stderr, few.stderr
        few = rotate(net, 0, folder / "few", "--channel", CHANNEL, "--channel", "second", check=False)
        assert few.returncode == 1 and "2 out of 3 nodes are alive" in few.stderr, few.stderr
        print("refused to lose the quorum")
        # The doctor names the one that is down.
        down = [f for f in doctor(net, 0)["findings"] if f["verdict"] == "fail"]
        assert len(down) == 1 and net.address(1) in down[0]["subject"], down
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
