"""Holds the simulator to exchanges that were recorded with a Kubo 0.42.

usage: check.py [FOLDER] [--only ID] [--verbose]

FOLDER holds transcripts.json; it is IPFS_KIT_FIXTURES/kubo-rpc or else Tests/Fixtures/kubo-rpc. The recorded requests
are sent in their order to a simulator of its own, and each answer is compared: status, header fields and their order,
body, sizes of chunks, trailers. What is not equal is compared once more without what Kubo itself takes from chance, the
clock or its disk, and is counted apart. It ends with 1 where an exchange differs that KNOWN does not name, or where one
agrees that KNOWN names.
"""

import argparse
import base64
import gzip
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
OWN_FOLDER = os.path.join(TREE, "Tests", "Fixtures", "kubo-rpc")
BOUNDARY = "----------------------check7f3a"
RECORDED_CHUNKS = 20

# What differs, and why.
SERVICE = "the simulator asks no pinning service"
KNOWN = {"pin-remote-service-ls-stat": SERVICE, "pin-remote-add": SERVICE, "pin-remote-add-background": SERVICE,
         "pin-remote-ls": SERVICE, "pin-remote-ls-filter": SERVICE, "pin-remote-rm-queued": SERVICE,
         "pin-remote-rm": SERVICE, "pin-remote-rm-none": SERVICE}

# The recorded node had a block that no recorded request makes, as far as is known. One of our own takes its place, to be
# listed, counted and collected as it was.
STRAY = b"bafkreihjucm4oxxyg7bixsiwqo7ocj7emp5a5yimch6yc34nfvbiydlbby"
STAND_IN = {"method": "POST", "target": "/api/v0/block/put", "multipart": [
    {"filename": "b", "contentType": "application/octet-stream", "content": {"text": "stands for an unknown block"}}]}


def default_folder():
    elsewhere = os.path.join(os.environ.get("IPFS_KIT_FIXTURES", ""), "kubo-rpc")
    return elsewhere if os.path.isdir(elsewhere) else OWN_FOLDER


# --- requests --------------------------------------------------------------------------------------------------------

class Bodies:
    """The bodies of which the record has only size and SHA-256."""

    def __init__(self, folder):
        self.known = {}
        for place in (os.path.join(each, "requests") for each in (OWN_FOLDER, folder)):
            for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
                with open(os.path.join(place, name), "rb") as file:
                    data = file.read()
                self.known[hashlib.sha256(data).hexdigest()] = data

    def find(self, content):
        if "sha256" not in content:
            return content["text"].encode() if "text" in content else base64.b64decode(content["base64"])
        for byte in b"\0x":
            data = bytes([byte]) * content["size"]
            if hashlib.sha256(data).hexdigest() == content["sha256"]:
                return data
        if content["sha256"] not in self.known:
            raise SystemExit(f"requests/ has no file with the SHA-256 {content['sha256']}")
        return self.known[content["sha256"]]


def wire(request, bodies):
    """A recorded request as bytes."""
    lines = [f"{request['method']} {request['target']} HTTP/1.1", "Host: 127.0.0.1:5001", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in request.get("headers", [])]
    body = b""
    for part in request.get("multipart", []):
        name, file = part.get("name", "file"), urllib.parse.quote(part["filename"], safe="")
        body += (f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n"
                 f"Content-Type: {part['contentType']}\r\n\r\n").encode()
        body += (bodies.find(part["content"]) if "content" in part else b"") + b"\r\n"
    if body:
        body += f"--{BOUNDARY}--\r\n".encode()
        lines.append(f"Content-Type: multipart/form-data; boundary={BOUNDARY}")
    if request["method"] == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Answer:
    """A reply, taken apart as the record is: status, header fields, body, sizes of chunks, trailers."""

    def __init__(self, data):
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = [line.split(": ", 1) for line in lines[1:]]
        self.body, self.chunks, self.trailers = rest, None, []
        if ["Transfer-Encoding", "chunked"] in self.headers:
            self._chunked(rest)

    def _chunked(self, rest):
        pieces, self.chunks, place = [], [], 0
        while True:
            end = rest.find(b"\r\n", place)
            if end < 0:
                raise ValueError("the last chunk is missing")
            count = int(rest[place:end], 16)
            place = end + 2
            if count == 0:
                break
            pieces.append(rest[place:place + count])
            self.chunks.append(count)
            place += count + 2
        self.body = b"".join(pieces)
        self.trailers = [line.split(": ", 1) for line in rest[place:].decode().split("\r\n") if line]


def ask(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        pieces = []
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return Answer(b"".join(pieces))


# --- comparison ------------------------------------------------------------------------------------------------------

def recorded_body(body):
    if "text" in body:
        return body["text"].encode()
    return base64.b64decode(body["base64"]) if "base64" in body else None


def lines_sorted(data):
    return b"\n".join(sorted(data.split(b"\n")))


def set_of_rows(data):
    return sorted(json.loads(data), key=lambda row: row["Code"])


def indirect_sorted(data):
    lines = data.split(b"\n")
    first = next((index for index, line in enumerate(lines) if b'"indirect"' in line), len(lines))
    return lines[:first] + sorted(lines[first:])


def without_times(data):
    """The headers and contents of a tar without its times, their lengths, and the sums over its headers."""
    rows, place = [], 0
    while place + 512 <= len(data) and any(data[place:place + 512]):
        size = int(data[place + 124:place + 135], 8)
        head, body = data[place:place + 512], data[place + 512:place + 512 + size]
        place += 512 + size + (-size % 512)
        extended = head[156:157] == b"x"
        if extended:
            body = re.sub(rb"\d+ mtime=[0-9.]+\n", b"mtime\n", body)
        rows.append((head[:124], None if extended else size, head[156:], body))
    return rows, len(data), data[place:]


def without_size(data):
    return re.sub(rb'"RepoSize":\d+', b'"RepoSize":0', re.sub(rb'"RepoPath":"[^"]+"', b'"RepoPath":"/REPO"', data))


class Names:
    """Random names: the same one must stand for the same one all the way through."""

    def __init__(self):
        self.theirs = {}

    PATTERN = re.compile(rb'12D3KooW\w{44}|k51qzi5uqu5d\w{50}|(?<="PublicKey":")[^"]+')

    def agree(self, recorded, answered):
        ours, theirs = (self.PATTERN.findall(data) for data in (answered, recorded))
        if len(ours) != len(theirs) or self.PATTERN.sub(b"#", recorded) != self.PATTERN.sub(b"#", answered):
            return False
        return all(self.theirs.setdefault(mine, other) == other for mine, other in zip(ours, theirs))


ORDER = {
    "dag-import": lines_sorted, "dag-import-silent": lines_sorted, "dag-import-two": lines_sorted,
    "refs-local": lines_sorted, "repo-ls": lines_sorted, "repo-gc": lines_sorted, "stream-channels": lines_sorted,
    "cid-hashes": set_of_rows, "cid-bases": set_of_rows, "pin-ls-stream": indirect_sorted,
}


def shape(value):
    """Whether a tree of commands has the form of Kubo's."""
    return list(value) == ["Name", "Subcommands", "Options"] and all(shape(each) for each in value["Subcommands"]) \
        and all(list(each) == ["Names"] for each in value["Options"])


class Check:
    def __init__(self, stand_in):
        self.names, self.stand_in = Names(), stand_in

    def compare(self, recorded, answer):
        """How an answer agrees: "exact", or what had to be left out of account, or None and the reason."""
        response, name = recorded["response"], recorded["id"]
        if answer.status != response["status"]:
            return None, f"status {answer.status}, not {response['status']}: {answer.body[:200]!r}"
        if answer.trailers != response.get("trailers", []):
            return None, f"trailers {answer.trailers}, not {response.get('trailers', [])}"
        headers = answer.headers
        how = self.body(recorded, answer)
        if how is None:
            return None, f"body {answer.body[:600]!r}, not {str(response['body'])[:600]}"
        if headers != response["headers"]:
            return None, f"headers {headers}, not {response['headers']}"
        if (answer.chunks is None) != ("chunkSizes" not in response):
            return None, "one is in chunks, the other is not"
        if answer.chunks is not None and not any(word in how for word in ("disk", "packing", "record", "form")):
            recorded_chunks = response["chunkSizes"]
            ours = answer.chunks[:RECORDED_CHUNKS] if len(recorded_chunks) == RECORDED_CHUNKS else answer.chunks
            if "order" in how and sorted(ours) == sorted(recorded_chunks):
                ours = recorded_chunks
            if ours != recorded_chunks:
                return None, f"chunks {ours}, not {recorded_chunks}"
        return how, name

    def body(self, recorded, answer):
        response, name = recorded["response"], recorded["id"]
        body, ours = recorded_body(response["body"]), answer.body
        if body is None or "size" in response["body"] or response["body"].get("truncated"):
            return self.partly(response["body"], ours, name)
        if body == ours:
            return "exact"
        if self.names.agree(body, ours):
            return "random names"
        if name in ORDER and ORDER[name](body) == ORDER[name](ours):
            return "order"
        if name in ORDER and ORDER[name](body) == ORDER[name](ours.replace(self.stand_in, STRAY)):
            return "order, one unknown block"
        if without_size(body) == without_size(ours):
            return "size on disk, path"
        if "application/x-tar" in dict(response["headers"])["Content-Type"]:
            return "times" if without_times(body) == without_times(ours) else None
        if "application/gzip" in dict(response["headers"])["Content-Type"]:
            same = without_times(gzip.decompress(body)) == without_times(gzip.decompress(ours))
            return "packing, times" if same else None
        return None

    @staticmethod
    def partly(body, ours, name):
        """What can be said where the record holds only a part of a body."""
        if hashlib.sha256(ours).hexdigest() == body.get("sha256"):
            return "exact"
        if "head_base64" in body:
            # Of a tar: all but the length of the time in the first header, and the sum over that.
            head = base64.b64decode(body["head_base64"])
            first, second = (data[:124] + data[136:148] + data[156:len(head)] for data in (head, ours))
            return "times; the record has only size and head" if len(ours) == body["size"] and first == second else None
        if name == "commands":
            return "form only: fewer commands here, and the record has a part" if shape(json.loads(ours)) else None
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=default_folder())
    parser.add_argument("--only", metavar="ID")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with open(os.path.join(options.folder, "transcripts.json"), encoding="utf-8") as file:
        exchanges = json.load(file)
    bodies, table, surprises = Bodies(options.folder), {}, []
    server = subprocess.Popen([sys.executable, os.path.join(HERE, "server.py")], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        check = Check(json.loads(ask(port, wire(STAND_IN, bodies)).body)["Key"].encode())
        for exchange in exchanges:
            name = exchange["id"]
            try:
                how, why = check.compare(exchange, ask(port, wire(exchange["request"], bodies)))
            except (OSError, ValueError) as error:
                how, why = None, f"{type(error).__name__}: {error}"
            if (how is None) != (name in KNOWN):
                surprises.append(name)
            table.setdefault(how or "differs", []).append((name, why))
            if options.verbose or name == options.only or (how is None and name not in KNOWN):
                print(f"{name}: {how or 'differs: ' + why}")
    finally:
        server.terminate()
        server.wait()
    print(f"\n{len(exchanges)} exchanges")
    for how in sorted(table, key=lambda each: (each != "exact", each == "differs", each)):
        words = "agree exactly" if how == "exact" else how if how == "differs" else f"agree but for: {how}"
        print(f"{len(table[how]):4}  {words}")
        for name, _ in table[how] if how != "exact" else ():
            print(f"        {name}" + (f": {KNOWN.get(name, 'see above')}" if how == "differs" else ""))
    for name in surprises:
        print(f"not as KNOWN says: {name}")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
