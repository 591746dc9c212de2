"""Holds the simulator to what Kubo 0.42's gateway answered.

usage: check.py [FOLDER] [--verbose]

FOLDER, or else IPFS_KIT_FIXTURES, holds gateway-vectors, kubo-rpc and gateway-conformance. The requests are
sent to a simulator of its own, without the record, and status, media type and content are compared: of a CAR the roots
in its header and its blocks in their order. It ends with 1 where an answer differs that DIFFERENT does not name, or one
agrees that it names.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "kubo"))

import car  # noqa: E402
from server import Part  # noqa: E402

# Where the simulator keeps to the specification, and Kubo did not.
ROOT = "the specification wants 404 where the root is not there; the fault header-only does as Kubo did"
DIFFERENT = {"car-miss": ROOT, "/ipfs/bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai?format=car": ROOT}
# What is not about blocks and CARs is given as it was recorded, and not computed.
ABOUT = ("raw", "car", "probe", "miss", "format-vs", "cidv0", "cid-upper", "no-cid")
NOT_ABOUT = ("raw-range", "raw-inm", "raw-filename", "car-filename")


def parsed(data):
    reader = car.Reader(Part(data))
    return [str(root) for root in reader.roots], [str(cid) for cid, _ in reader.blocks()]


def ask(port, method, target, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, target, headers=dict(headers))
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, reply.headers.get("Content-Type"), data


def is_same(data, body):
    """Whether bytes are those of the record, which has only size and hash of long ones."""
    if "sha256" in body:
        return (len(data), hashlib.sha256(data).hexdigest()) == (body["size"], body["sha256"])
    return data == (body["text"].encode() if "text" in body else base64.b64decode(body["base64"]))


def compare_vectors(port, folder, tell):
    with open(os.path.join(folder, "gateway-vectors", "car-requests.json"), encoding="utf-8") as file:
        requests = json.load(file)["requests"]
    for request in requests:
        headers = [("Accept", request["accept"])] if "accept" in request else []
        status, kind, data = ask(port, "GET", request["path"], headers)
        wanted = (request["status"], request["contentType"])
        same = (status, kind) == wanted
        if same and status == 200 and kind.startswith("application/vnd.ipld.car"):
            # Where entity-bytes alone is asked for, Kubo leaves it out.
            same = parsed(data) == (request["roots"], request["blocks"])
        elif same and status != 200:
            same = data.decode() == request["body"]
        tell(request["path"], same, (status, kind), wanted)


def compare_record(port, folder, tell):
    with open(os.path.join(folder, "kubo-rpc", "gateway-transcripts.json"), encoding="utf-8") as file:
        exchanges = json.load(file)
    for exchange in exchanges:
        name, request, response = exchange["id"], exchange["request"], exchange["response"]
        if not name.startswith(ABOUT) or name.startswith(NOT_ABOUT) or "host" in request:
            continue
        status, kind, data = ask(port, request["method"], request["target"], request.get("headers", []))
        recorded = dict(response["headers"])
        body = response["body"]
        same = (status, kind) == (response["status"], recorded.get("Content-Type"))
        if same and status == 200 and request["method"] == "GET":
            same = is_same(data, body)
        tell(name, same, (status, kind, len(data)), (response["status"], recorded.get("Content-Type")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("IPFS_KIT_FIXTURES"))
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if not options.folder:
        parser.error("there is no FOLDER, and IPFS_KIT_FIXTURES is not set")
    counts = {"agree": 0, "differ as is known": 0, "differ": 0}

    def tell(name, same, found, wanted):
        known = name in DIFFERENT
        kind = "agree" if same and not known else "differ as is known" if known and not same else "differ"
        counts[kind] += 1
        if kind == "differ" or options.verbose:
            print(f"{kind}: {name}: {found}, recorded {wanted}")

    command = [sys.executable, os.path.join(HERE, "server.py"), "--cars",
               os.path.join(options.folder, "gateway-conformance", "fixtures")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            compare_vectors(port, options.folder, tell)
            compare_record(port, options.folder, tell)
        finally:
            server.terminate()
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return 1 if counts["differ"] or not counts["agree"] else 0


if __name__ == "__main__":
    sys.exit(main())
