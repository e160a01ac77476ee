#!/usr/bin/env python3
"""General.Throttling: a client gets its share of the rate each second, two share it, who is silent is forgotten, and who
shows no certificate is not throttled. Where FABRIC_GO_BIN is given, the same of upstream's orderer.

Of RATE messages a second N take at least the seconds that their shares are given out in, however slow the machine: the
first share at once, then one a second, each with the message that waited for it.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ours, skip  # noqa: E402
from orderers_kit import Orderers, upstream_folder  # noqa: E402

RATE = 20
INACTIVITY = 2  # seconds


def count(share, seconds):
    """Messages of one client whose last is let through `seconds` shares after the first."""
    return share + seconds * (share + 1)


def seconds(said):
    assert said.endswith(" seconds"), said
    return float(said.split()[0])


def check(kind, folder):
    env = dict(ORDERER_GENERAL_THROTTLING_RATE=RATE, ORDERER_GENERAL_THROTTLING_INACTIVITYTIMEOUT=f"{INACTIVITY}s",
               ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED="false")
    with Orderers(folder, [kind], env=env) as net:
        net.start()
        free = seconds(net.send(0, count(RATE, 5), certificate=False))
        # Shares come at full seconds, which began with the first message: the first may come at once.
        alone = seconds(net.send(0, count(RATE, 4)))
        print(f"{kind}: without a certificate {free:.2f} s, alone {alone:.2f} s", flush=True)
        assert alone >= 3, "four shares were given out in less than three seconds"

        together = [subprocess.Popen(net.client("send", [0], count(RATE // 2, 4), user=user), stdout=subprocess.PIPE, text=True)
                    for user in ("User1", "Admin")]
        took = [seconds(process.communicate(timeout=300)[0].strip()) for process in together]
        print(f"{kind}: two at once {took[0]:.2f} s and {took[1]:.2f} s", flush=True)
        assert min(took) >= 2, "two clients got more than their shares"

        time.sleep(INACTIVITY + 1.5)  # both are forgotten
        # With two clients these would be three times as many shares.
        again = seconds(net.send(0, count(RATE, 3)))
        print(f"{kind}: alone again {again:.2f} s", flush=True)
        assert 2 <= again < 6 + 3 * free, "the share of those who left was not given to the one who stayed"


def main():
    if not (ours() / "orderer_client").exists():
        skip("orderer_client is not built")
    for kind in ["ours"] + (["theirs"] if upstream_folder() else []):
        with tempfile.TemporaryDirectory() as folder:
            check(kind, os.environ.get("SELVAGE_KEEP", folder))


if __name__ == "__main__":
    main()
