"""Holds `add`, `dag/import` and `dag/export` of the simulator to roots and CARs that a Kubo 0.42 made.

usage: check_content.py [FOLDER] [--largest BYTES]

FOLDER holds vectors.json and cars/; it is Tests/Fixtures/kubo-vectors unless it is given. Inputs of more than BYTES
(1,100,000) are left out, and so are options that the simulator does not have; both are counted.
"""

import argparse
import glob
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse

import check

LEFT = {"chunker": ("rabin", "buzhash"), "hash": ("blake3",), "profile": ("",), "max-directory-links": ("",),
        "hidden": ("",), "empty-dirs": ("",), "dereference-symlinks": ("",)}


def content(told):
    """The bytes of an input, made as vectors.json says."""
    if "utf8" in told:
        return told["utf8"].encode()
    if "hex" in told:
        return bytes.fromhex(told["hex"])
    if "repeat" in told:
        unit = bytes.fromhex(told["repeat"])
        return (unit * (told["size"] // len(unit) + 1))[:told["size"]]
    blocks = range(told["size"] // 32 + 1)
    return b"".join(hashlib.sha256(told["seed"].encode() + index.to_bytes(8, "big")).digest()
                    for index in blocks)[:told["size"]]


def part(path, kind, data):
    return (f"--{check.BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; "
            f"filename=\"{urllib.parse.quote(path, safe='')}\"\r\nContent-Type: application/{kind}\r\n\r\n").encode() \
        + data + b"\r\n"


def parts(given):
    """The parts of an upload, or None where an entry is of a kind that is not made here."""
    name = given["id"]
    if given["kind"] == "file":
        return [part(name, "octet-stream", content(given["content"]))]
    made = [part(name, "x-directory", b"")]
    if "pattern" in given:
        names = [given["pattern"]["name"] % index for index in range(given["pattern"]["count"])]
        return made + [part(f"{name}/{each}", "octet-stream", each.encode()) for each in names]
    folders = {name}
    for entry in given["entries"]:
        path = f"{name}/{entry['path']}"
        names = path.split("/")
        for above in ("/".join(names[:count]) for count in range(1, len(names))):
            if above not in folders:
                folders.add(above)
                made.append(part(above, "x-directory", b""))
        if entry["type"] == "file":
            made.append(part(path, "octet-stream", content(entry["content"])))
        elif entry["type"] in ("dir", "directory"):
            made.append(part(path, "x-directory", b""))
        elif entry["type"] == "symlink":
            made.append(part(path, "symlink", entry["target"].encode()))
        else:
            return None
    return made


def post(port, target, uploads):
    body = b"".join(uploads) + f"--{check.BOUNDARY}--\r\n".encode()
    head = (f"POST /api/v0/{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: multipart/form-data; boundary={check.BOUNDARY}\r\n\r\n")
    return check.ask(port, head.encode() + body)


def left_out(options):
    return any(str(options[name]).startswith(starts) for name, starts in LEFT.items() if name in options)


def size(given):
    return given.get("size", 0) or given.get("pattern", {}).get("count", 0) * 60


def add_all(port, vectors, largest):
    inputs, same, different, left = {each["id"]: each for each in vectors["inputs"]}, 0, [], 0
    for row in vectors["vectors"]:
        given, options = inputs[row["input"]], vectors["optionSets"][row["options"]]
        uploads = parts(given) if size(given) <= largest and not left_out(options) else None
        if uploads is None or any(entry["path"].split("/")[-1].startswith(".") for entry in given.get("entries", ())):
            left += 1
            continue
        words = {key: str(value).lower() for key, value in options.items()}
        answer = post(port, "add?" + urllib.parse.urlencode({"pin": "false", **words}), uploads)
        got = json.loads(answer.body.strip().split(b"\n")[-1])
        if got.get("Hash") == row["cid"]:
            same += 1
        else:
            different.append(f"{row['input']} {row['options']}: {got}, not {row['cid']}")
    return same, different, left


def pass_all(port, folder):
    """Imports every CAR and exports its root again."""
    same, different, left = 0, [], 0
    for path in sorted(glob.glob(os.path.join(folder, "cars", "*.car"))):
        with open(path, "rb") as file:
            data = file.read()
        if "blake3" in path:
            left += 1
            continue
        got = post(port, "dag/import", [part("x.car", "octet-stream", data)])
        root = json.loads(got.body.split(b"\n")[0]).get("Root")
        if root is None or root["PinErrorMsg"]:
            different.append(f"{os.path.basename(path)}: {got.body[:300]!r}")
            continue
        head = (f"POST /api/v0/dag/export?arg={root['Cid']['/']} HTTP/1.1\r\nConnection: close\r\n"
                "Content-Length: 0\r\n\r\n")
        if check.ask(port, head.encode()).body == data:
            same += 1
        else:
            different.append(f"{os.path.basename(path)}: the export differs")
    return same, different, left


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=os.path.join(check.TREE, "Tests", "Fixtures", "kubo-vectors"))
    parser.add_argument("--largest", type=int, default=1100000)
    options = parser.parse_args()
    with open(os.path.join(options.folder, "vectors.json"), encoding="utf-8") as file:
        vectors = json.load(file)
    command = [sys.executable, os.path.join(check.HERE, "server.py")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        results = {"roots of add": add_all(port, vectors, options.largest),
                   "CARs, imported and exported": pass_all(port, options.folder)}
    finally:
        server.terminate()
        server.wait()
    for what, (same, different, left) in results.items():
        print(f"{what}: {same} equal, {len(different)} different, {left} left out")
        for line in different[:20]:
            print(f"    {line}")
    return 1 if any(different for _, different, _ in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
