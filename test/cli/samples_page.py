#!/usr/bin/env python3
"""samples/README.md takes a newcomer from nothing to a chaincode of their own: its shell blocks work, in this order, on the
network of `./dev up`."""
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from dev_up_and_down import run, ten_free_ports  # noqa: E402
from network import ROOT, ours, skip  # noqa: E402


def shell_blocks():
    page = (ROOT / "samples/README.md").read_text()
    return re.findall(r"^```sh\n(.*?)^```$", page, re.S | re.M)


def main():
    if not (ours() / "asset_transfer").exists():
        skip("asset_transfer is not built")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        ports = ten_free_ports()
        network = folder / "network"
        try:
            run(network, ports, "up", "--fresh")
            blocks = shell_blocks()
            assert len(blocks) >= 5, "samples/README.md has lost its shell blocks"
            # The page's two variables lead to this tree's build and network.
            script = "\n".join(["set -ex", *blocks]).replace("NETWORK=run/network BIN=build/release/bin",
                                                             f"NETWORK={network} BIN={ours().resolve()}")
            done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=200)
            assert done.returncode == 0, f"the page's commands end with {done.returncode}:\n{done.stdout}{done.stderr}"
            assert '{"AppraisedValue":300,"Color":"blue","ID":"asset1","Owner":"Ann","Size":5}' in done.stdout, done.stdout
            assert 'status:200 payload:"Tomoko"' in done.stderr, "the owner before is the answer of TransferAsset"
            peer = (network / "org1" / "log").read_text(errors="replace")
            assert "chaincode was started package=assets_1:" in peer, peer[-3000:]
            print(f"{len(blocks)} blocks of the page work")
        finally:
            run(network, ports, "down")
            left = subprocess.run(["pgrep", "-f", f"{network}.*chaincode"], capture_output=True, text=True).stdout
            assert not left, f"processes were left: {left}"


if __name__ == "__main__":
    main()
