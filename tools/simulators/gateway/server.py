"""A simulator of a trustless gateway, for tests: Kubo's of version 0.42, or Lassie's daemon. README.md says what it is
held to.

usage: server.py [--cars FOLDER]... [--record FILE] [--lassie] [--token TOKEN] [--subdomains] [--fault NAME[=JSON]]...
                 [--port PORT]

It prints its port on 127.0.0.1. Blocks are kept in memory.
PUT /-/car takes a CAR, DELETE /-/dag/CID forgets all blocks below a root.
PUT /-/fault/NAME with a JSON object (or nothing) turns a fault on, DELETE turns it off.
GET /-/requests answers with the requests so far, as a JSON list of "METHOD host target", with " token" behind those
that showed one; DELETE empties the list.
"""

import argparse
import base64
import json
import os
import socket
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kubo"))

import car  # noqa: E402
import ipld  # noqa: E402
import unixfs  # noqa: E402
from multiformats import IDENTITY, Malformed, cid_of, parse_cid, varint  # noqa: E402
from selection import Refused, Selection, Stop, entity_range  # noqa: E402

CAR, BLOCK = "application/vnd.ipld.car", "application/vnd.ipld.raw"
PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in.</body></html>"
FAULTS = ("cut", "short", "stop", "lie", "lose", "header-only", "status", "hold", "files", "redirect", "no-cars",
          "noise", "backwards", "repeat", "wrong-root")


class Part:
    """Bytes as the reader of CARs takes them."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def exactly(self, count):
        piece = self.data[self.place:self.place + count]
        self.place += len(piece)
        return piece


class Failure(Exception):
    def __init__(self, status, text, headers=()):
        super().__init__(text)
        self.status, self.text, self.headers = status, text, list(headers)


class Gateway:
    def __init__(self, options):
        self.options = options
        self.blocks, self.faults, self.requests, self.record = {}, {}, [], {}
        self.lock, self.done = threading.Lock(), threading.Condition()

    def load(self, data):
        for cid, block in car.Reader(Part(data)).blocks():
            self.blocks.setdefault(cid.hash, block)

    def forget(self, cid):
        block = self.blocks.pop(cid.hash, None)
        for link in ipld.links(cid.codec, block) if block is not None else ():
            self.forget(link)

    # --- faults ---

    def fault(self, name, target, takes=True):
        """The fields of a fault that is on for this target, which counts as one of its times; or None."""
        with self.lock:
            fields = self.faults.get(name)
            if fields is None or fields.get("path", "") not in target or fields.get("times", 1) <= 0:
                return None
            if fields.get("after", 0) > 0:
                fields["after"] -= takes
                return None
            if takes and "times" in fields:
                fields["times"] -= 1
            return fields

    def has(self, cid):
        hidden = self.faults.get("lose", {}).get("cids", [])
        return str(cid) not in hidden and (cid.hash_code == IDENTITY or cid.hash in self.blocks)

    def get(self, cid):
        return self.blocks.get(cid.hash) if self.has(cid) else None

    def given(self, cid, block):
        """A block as it is given: a liar changes its last byte."""
        lies = self.faults.get("lie")
        if lies is None or not block or str(cid) not in lies.get("cids", [str(cid)]):
            return block
        return block[:-1] + bytes([block[-1] ^ 1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    @property
    def gateway(self):
        return self.server.gateway

    # --- replies ---

    def head(self, status, headers):
        words = {200: "OK", 206: "Partial Content", 301: "Moved Permanently", 400: "Bad Request", 404: "Not Found"}
        lines = [f"HTTP/1.1 {status} {words.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers)]
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    def whole(self, status, headers, body):
        self.head(status, [*headers, ("Content-Length", str(len(body)))])
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    # --- requests ---

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/-/"):
            return self.control(body)
        gateway, host = self.gateway, self.headers.get("Host", "")
        shown = " token" if self.headers.get("Authorization") else ""
        with gateway.lock:
            gateway.requests.append(f"{self.command} {host} {self.path}{shown}")
        try:
            self.hold()
            self.route(host)
        except Failure as failure:
            self.whole(failure.status, [("Content-Type", "text/plain; charset=utf-8"),
                                        ("X-Content-Type-Options", "nosniff"), *failure.headers],
                       failure.text.encode())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def hold(self):
        """Waits as long as the fault is on."""
        gateway = self.gateway
        if gateway.fault("hold", self.path) is None:
            return
        while gateway.fault("hold", self.path, takes=False) is not None or "hold" in gateway.faults:
            time.sleep(0.01)

    def route(self, host):
        gateway, options = self.gateway, self.gateway.options
        fault = gateway.fault("status", self.path)
        if fault is not None:
            headers = [("Content-Type", fault.get("type", "text/plain; charset=utf-8")),
                       *fault.get("headers", {}).items()]
            page = PAGE if fault.get("page") else fault.get("text", "").encode()
            return self.whole(fault["status"], headers, page)
        if options.token and self.headers.get("Authorization") != f"Bearer {options.token}":
            raise Failure(401, "Unauthorized\n")
        if self.command not in ("GET", "HEAD") or options.lassie and self.command == "HEAD":
            raise Failure(405, f"Method {self.command} not allowed: read only access\n")
        recorded = gateway.record.get(self.key())
        if recorded is not None:
            return self.replay(recorded)
        path, _, query = self.path.partition("?")
        label = host.split(":")[0].split(".")
        if len(label) > 2 and label[1] == "ipfs":
            path = f"/ipfs/{label[0]}" + (path if path != "/" else "")
        elif options.subdomains:
            cid = path.split("/")[2] if path.count("/") > 1 else ""
            port = self.server.server_address[1]
            to = f"http://{cid}.ipfs.localhost:{port}/" + (f"?{query}" if query else "")
            return self.whole(301, [("Location", to), ("Content-Type", "text/html; charset=utf-8")], b"<a>Moved</a>")
        redirect = gateway.fault("redirect", self.path)
        if redirect is not None:
            to = redirect["to"].replace("TARGET", self.path)
            return self.whole(redirect.get("status", 302), [("Location", to)], b"")
        self.content(path, dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))

    def key(self):
        """What tells a recorded request from others."""
        wanted = tuple(self.headers.get(name, "") for name in ("Accept", "Range", "If-None-Match", "Cache-Control"))
        return self.command, self.path, wanted

    def replay(self, recorded):
        body = recorded.get("body") or {}
        data = body["text"].encode() if "text" in body else base64.b64decode(body.get("base64", ""))
        headers = [(name, value) for name, value in recorded["headers"]
                   if name not in ("Content-Length", "Transfer-Encoding", "Connection")]
        self.whole(recorded["status"], headers, data)

    # --- content ---

    def content(self, path, query):
        parts = [urllib.parse.unquote(part) for part in path.split("/")]
        if len(parts) < 3 or parts[1] != "ipfs" or not parts[2]:
            raise Failure(404 if len(parts) < 2 or parts[1] != "ipfs" else 400,
                          "404 page not found\n" if parts[1:2] != ["ipfs"]
                          else f'invalid path "{path}": path does not have enough components\n')
        try:
            root = parse_cid(parts[2])
        except Malformed as error:
            raise Failure(400, f'invalid path "{path}": invalid cid: {error}\n') from None
        segments = [part for part in parts[3:] if part]
        form, parameters = self.form(query)
        if self.gateway.fault("files", self.path) is not None:
            return self.file(root, segments)
        if form == "raw" and not self.gateway.options.lassie:
            return self.raw(root, segments, path)
        if form == "car":
            return self.car(root, segments, path, query, parameters)
        raise Failure(400, "no supported format was asked for\n")

    def form(self, query):
        """What is asked for: `format` wins over `Accept`, of which the highest q wins."""
        best, weight, parameters = None, -1.0, {}
        for item in self.headers.get("Accept", "").split(","):
            name, *rest = [word.strip() for word in item.split(";")]
            fields = dict(word.split("=", 1) for word in rest if "=" in word)
            if name in (CAR, BLOCK) and float(fields.get("q", 1)) > weight:
                best, weight, parameters = name, float(fields.get("q", 1)), fields
        form = {CAR: "car", BLOCK: "raw"}.get(best)
        if query.get("format") in ("raw", "car") and not self.gateway.options.lassie:
            form = query["format"]
        return form, parameters if best == CAR else {}

    def raw(self, root, segments, path):
        sent = []
        selection = Selection(self.gateway.get, lambda cid, data: sent.append((cid, data)))
        try:
            cid = selection.run(root, segments, "block")
        except Stop as stop:
            # As an offline node says it.
            raise Failure(404, f"failed to resolve {path}: block was not found locally (offline): ipld: could not find "
                               f"{stop.args[0]}\n", [("X-Ipfs-Path", path)]) from None
        if cid is None:
            raise Failure(404, f"failed to resolve {path}: no link\n", [("X-Ipfs-Path", path)])
        block = self.gateway.given(cid, cid.digest if cid.hash_code == IDENTITY else self.gateway.get(cid))
        name = f"{cid}.bin"
        self.whole(200, [("Accept-Ranges", "bytes"), ("Cache-Control", "public, max-age=29030400, immutable"),
                         ("Content-Disposition", f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"),
                         ("Content-Type", BLOCK), ("Etag", f'"{cid}.raw"'), ("X-Content-Type-Options", "nosniff"),
                         ("X-Ipfs-Path", path)], block)

    def car(self, root, segments, path, query, accept):
        gateway = self.gateway
        if gateway.fault("no-cars", self.path) is not None:
            raise Failure(400, "this gateway gives no CARs\n")
        version = query.get("car-version", accept.get("version", "1"))
        order = query.get("car-order", accept.get("order", "dfs"))
        dups = query.get("car-dups", accept.get("dups", "n"))
        scope = query.get("dag-scope", "all")
        wrong = f"unsupported {CAR} "
        if version != "1":
            raise Failure(400, wrong + "version: only version=1 is supported\n")
        for value, known, name in ((order, ("dfs", "unk"), "order"), (dups, ("y", "n"), "dups"),
                                   (scope, ("all", "entity", "block"), "scope")):
            if value not in known:
                raise Failure(400, f"{wrong}{name} parameter\n")
        try:
            bytes_ = entity_range(query["entity-bytes"]) if "entity-bytes" in query else None
        except Refused as refused:
            raise Failure(400, f"{refused}\n") from None
        missing = not gateway.has(root)
        if missing and gateway.fault("header-only", self.path) is None:
            words = "no candidates found" if gateway.options.lassie else f"failed to resolve {path}: not found"
            raise Failure(404, words + "\n", [("X-Ipfs-Path", path)])
        blocks, terminal = self.selected(root, segments, scope, bytes_, dups)
        head = car.header([terminal])
        kind = f"{CAR}; version=1; order={order}; dups={dups}"
        name = f"{root}{'_' + segments[-1] if segments else ''}.car"
        headers = [("Accept-Ranges", "none"), ("Cache-Control", "public, max-age=29030400, immutable"),
                   ("Content-Disposition", f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"),
                   ("Content-Type", kind), ("Etag", f'W/"{root}.car.simulated"'),
                   ("X-Content-Type-Options", "nosniff"), ("X-Ipfs-Path", path)]
        self.stream(headers, [varint(len(head)) + head] + blocks)

    def selected(self, root, segments, scope, bytes_, dups):
        """The sections to send, and the CID for the header."""
        gateway, blocks, seen = self.gateway, [], set()
        repeats = dups == "y" or gateway.fault("repeat", self.path) is not None

        def send(cid, data):
            if not repeats and cid in seen:
                return
            seen.add(cid)
            data = gateway.given(cid, data)
            blocks.append(varint(len(cid.binary) + len(data)) + cid.binary + data)

        selection, end = Selection(gateway.get, send), None
        try:
            end = selection.run(root, segments, scope, bytes_)
        except Stop:
            end = selection.terminal
        if gateway.fault("wrong-root", self.path) is not None:
            blocks = blocks[1:]
        if gateway.fault("backwards", self.path) is not None:
            blocks = blocks[:1] + blocks[:0:-1]
        noise = gateway.fault("noise", self.path)
        if noise is not None:
            strangers = [unixfs_block(number, noise.get("size", 100)) for number in range(noise["blocks"])]
            blocks = blocks[:1] + strangers + blocks[1:]
        return blocks, end or parse_cid("bafkqaaa")

    def stream(self, headers, pieces):
        gateway, target = self.gateway, self.path
        short, stop = gateway.fault("short", target), gateway.fault("stop", target)
        limit = short or stop
        if limit is not None:
            pieces = pieces[:1 + limit.get("blocks", 1)]
        size = sum(len(piece) for piece in pieces)
        if stop is None and size <= 2048 and gateway.fault("cut", target, takes=False) is None:
            return self.whole(200, headers, b"".join(pieces))
        self.head(200, [*headers, ("Transfer-Encoding", "chunked")])
        if self.command == "HEAD":
            return None
        cut, sent = gateway.fault("cut", target), 0
        for piece in pieces:
            if cut is not None and sent + len(piece) > cut.get("bytes", 0):
                self.chunk(piece[:cut.get("bytes", 0) - sent])
                self.wfile.flush()
                self.close_connection = True
                return None
            self.chunk(piece)
            sent += len(piece)
        trailer = f"X-Stream-Error: {stop.get('message', 'context canceled')}\r\n" if stop is not None else ""
        self.wfile.write(b"0\r\n" + trailer.encode() + b"\r\n")
        return None

    def file(self, root, segments):
        """What a gateway gives that knows files alone."""
        selection = Selection(self.gateway.get, lambda cid, data: None)
        try:
            cid = selection.run(root, segments, "block")
            data = b"".join(unixfs.read(self.gateway.get, cid))
        except (Stop, Malformed, AttributeError, TypeError):
            data = b"a folder"
        self.whole(200, [("Content-Type", "text/plain; charset=utf-8")], data)

    # --- control ---

    def control(self, body):
        gateway, status, answer = self.gateway, 200, b""
        what, _, rest = self.path[3:].partition("/")
        try:
            if what == "car":
                gateway.load(body)
            elif what == "dag":
                gateway.forget(parse_cid(rest))
            elif what == "requests" and self.command == "DELETE":
                gateway.requests.clear()
            elif what == "requests":
                answer = json.dumps(gateway.requests).encode()
            elif what == "fault" and rest in FAULTS:
                with gateway.lock:
                    gateway.faults.pop(rest, None)
                    if self.command == "PUT":
                        gateway.faults[rest] = json.loads(body or b"{}")
            else:
                status = 404
        except (KeyError, ValueError) as error:
            status, answer = 400, f"{type(error).__name__}: {error}".encode()
        self.whole(status, [("Content-Type", "application/json")], answer)


def unixfs_block(number, size):
    """A section that nobody asked for."""
    data = (b"stranger %d " % number) * (size // 10)
    cid = cid_of(data)
    return varint(len(cid.binary) + len(data)) + cid.binary + data


def fault(text):
    name, _, fields = text.partition("=")
    return name, json.loads(fields or "{}")


def cars(folder):
    for place, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith(".car"):
                with open(os.path.join(place, name), "rb") as file:
                    yield file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cars", metavar="FOLDER", action="append", default=[])
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("--lassie", action="store_true")
    parser.add_argument("--token", default="")
    parser.add_argument("--subdomains", action="store_true")
    parser.add_argument("--fault", metavar="NAME[=JSON]", action="append", default=[], type=fault)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    gateway = Gateway(options)
    for folder in options.cars:
        for data in cars(folder):
            gateway.load(data)
    if options.record:
        with open(options.record, encoding="utf-8") as file:
            for exchange in json.load(file):
                request, body = exchange["request"], exchange["response"].get("body") or {}
                # Of long bodies the record has only size and hash.
                if "sha256" in body or "host" in request:
                    continue
                named = {name: value for name, value in request.get("headers", [])}
                wanted = tuple(named.get(name, "") for name in ("Accept", "Range", "If-None-Match", "Cache-Control"))
                gateway.record[request["method"], request["target"], wanted] = exchange["response"]
    gateway.faults.update(options.fault)
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads, server.gateway = True, gateway
    server.request_queue_size = 128
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
