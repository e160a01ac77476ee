#!/usr/bin/env python3
"""Our orderers and upstream's in one consenter set, two to one both ways: what orderers_change_members.py and
orderers_kills.py do with ours alone."""
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import orderers_change_members  # noqa: E402
import orderers_kills  # noqa: E402
from network import ours, skip, upstream  # noqa: E402


def main():
    upstream()
    if not (ours() / "configtxlator").exists():
        skip("configtxlator is not built")
    for kinds in ("ours,theirs,ours,theirs", "theirs,ours,theirs,ours"):
        print(kinds)
        with tempfile.TemporaryDirectory() as folder:
            orderers_change_members.check(kinds.split(","), folder)
    for kinds in ("ours,ours,theirs", "theirs,theirs,ours"):
        print(kinds)
        os.environ["SELVAGE_ORDERERS"] = kinds
        orderers_kills.main()


if __name__ == "__main__":
    main()
