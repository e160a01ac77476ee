#!/usr/bin/env python3
"""`peer lifecycle chaincode package` of sources in Go, Node.js and Java: what goes into a package, and what is refused.

Where FABRIC_GO_BIN is given, also that upstream packs the same files and refuses in the same words.
"""
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from network import ROOT, ours, skip  # noqa: E402

THEIRS = pathlib.Path(os.environ["FABRIC_GO_BIN"]) / "peer" if os.environ.get("FABRIC_GO_BIN") else None
INDEX = json.dumps({"index": {"fields": ["docType", {"owner": "asc"}]}, "ddoc": "d", "name": "n", "type": "json"})
INDEXES = "META-INF/statedb/couchdb/indexes/"
SOURCES = {
    "golang": {"go.mod": "module example.com/cc\n\ngo 1.18\n", "main.go": "package main\n\nfunc main() {}\n", "notes.txt": "kept",
               "below/x.go": "package below\n", "below/x_test.go": "package below\n", ".hidden/x.go": "left out", ".env": "kept",
               "vendor/modules.txt": ""},
    "node": {"package.json": "{}", "index.js": "", "node_modules/x/i.js": "left out", ".git/HEAD": "left out", ".eslintrc": "kept"},
    "java": {"build.gradle": "", "src/main/java/A.java": "", "A.class": "left out", "build/A.java": "left out", "target/x": "left out",
             "out/x": "left out"},
}
KEPT = {"golang": ["src/.env", "src/below/x.go", "src/below/x_test.go", "src/go.mod", "src/main.go", "src/notes.txt",
                   "src/vendor/modules.txt"],
        "node": ["src/.eslintrc", "src/index.js", "src/package.json"],
        "java": ["src/build.gradle", "src/src/main/java/A.java"]}
METADATA = {INDEXES + "i.json": INDEX, "META-INF/statedb/couchdb/collections/secret/indexes/i.json": INDEX}
# Path below META-INF, content, and what is said of it.
REFUSED = [
    ("i.json", INDEX, "metadata file path must begin with META-INF/statedb, found: META-INF/"),
    ("statedb/i.json", INDEX, "metadata file path must include a database and index directory: META-INF/statedb/"),
    ("statedb/leveldb/indexes/i.json", INDEX, "database name [leveldb] is not supported, valid options: [couchdb]"),
    ("statedb/couchdb/index/i.json", INDEX, "metadata file path does not have an indexes directory: META-INF/statedb/couchdb/index/"),
    ("statedb/couchdb/indexes/i.txt", INDEX,
     "metadata file path for collections must include a collections and index directory: META-INF/statedb/couchdb/indexes/"),
    ("statedb/couchdb/collections/c/index/i.json", INDEX,
     "metadata file path for collections must have a collections and indexes directory: META-INF/statedb/couchdb/collections/c/index/"),
    ("statedb/couchdb/collections/!/indexes/i.json", INDEX, "collection name is not valid: !"),
    ("statedb/couchdb/indexes/i.json", "nope", f"Index metadata file [{INDEXES}i.json] is not a valid JSON"),
    *[("statedb/couchdb/indexes/i.json", json.dumps(index), f"Index metadata file [{INDEXES}i.json] is not a valid index definition: {why}")
      for index, why in [
          ({"fields": []}, "Invalid Entry.  Entry fields"),
          ({"type": "json"}, 'Index definition must include a "fields" definition'),
          ({"index": []}, 'Invalid entry, "index" must be a JSON'),
          ({"index": {"fields": {}}}, "Expecting a JSON array of fields"),
          ({"index": {"fields": [{"a": "up"}]}}, 'Sort must be either "asc" or "desc".  "up" was found.')]],
]
BEFORE = {"golang": "walk failed: ", "node": "Error writing Chaincode package contents: ", "java": "failed to create chaincode package: "}


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def pack(program, language, source, output):
    """(None, what is in the package), or (the error, None)."""
    done = subprocess.run([str(program), "lifecycle", "chaincode", "package", str(output), "--path", str(source), "--lang", language,
                           "--label", "cc"], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "FABRIC_CFG_PATH": str(ROOT / "config"), "GOFLAGS": "-mod=mod"})
    if done.returncode != 0:
        return [line for line in done.stderr.splitlines() if line.startswith("Error: ")][-1].removeprefix("Error: "), None
    with tarfile.open(output) as package:
        metadata = json.load(package.extractfile("metadata.json"))
        code = io.BytesIO(package.extractfile("code.tar.gz").read())
    with tarfile.open(fileobj=code) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
    return None, (metadata, files)


def main():
    program = ours() / "peer"
    if not program.exists():
        skip(f"{program} is not built")
    compared = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def both(language, source):
            nonlocal compared
            got = pack(program, language, source, folder / "ours.tar.gz")
            if THEIRS:
                wanted = pack(THEIRS, language, source, folder / "theirs.tar.gz")
                assert got == wanted, f"{language}\n  upstream: {wanted}\n  ours:     {got}"
                compared += 1
            return got

        for language, files in SOURCES.items():
            source = folder / language
            write(source, {**files, **METADATA, INDEXES + ".i.json.swp": "hidden files are left out"})
            error, package = both(language, source)
            assert error is None, error
            assert package[0] == {"path": "example.com/cc" if language == "golang" else str(source), "type": language, "label": "cc"}
            assert [*package[1]] == sorted([*METADATA, *KEPT[language]]), package[1].keys()
            for path, content, why in REFUSED:
                shutil.rmtree(source / "META-INF")
                write(source / "META-INF", {path: content})
                error, _ = both(language, source)
                assert error == f"error getting chaincode bytes: {BEFORE[language]}{why}", error
        for language in ("node", "java"):
            (folder / "empty").mkdir(exist_ok=True)
            assert both(language, folder / "empty")[0].endswith(f"no source files found in '{folder}/empty'")
            assert both(language, folder / "none")[0].endswith(f"lstat {folder}/none: no such file or directory")
    print("packed and refused as it should be" + (f"; {compared} times like upstream" if THEIRS else
                                                   "; FABRIC_GO_BIN not given: not compared"))


main()
