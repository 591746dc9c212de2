"""Tries each fault of the simulator, its authorisation, and that a folder outlives its process.

usage: check_faults.py

Every row says what a client sees. It ends with 1 where one of them does not hold.
"""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import car
import check
from multiformats import RAW, cid_of, varint
from unixfs import Maker

RESULTS = []


def says(what, holds, seen=""):
    RESULTS.append(bool(holds))
    print(f"{'ok ' if holds else 'NOT'}  {what}" + ("" if holds else f": {seen}"))


class Server:
    def __init__(self, *options):
        command = [sys.executable, os.path.join(check.HERE, "server.py"), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def send(self, target, uploads=None, headers=(), timeout=30, close=True):
        lines = [f"POST /api/v0/{target} HTTP/1.1", "Host: x", *headers]
        lines += ["Connection: close"] if close else []
        body = b""
        for name, data in uploads or ():
            body += (f"--{check.BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n"
        if body:
            body += f"--{check.BOUNDARY}--\r\n".encode()
            lines.append(f"Content-Type: multipart/form-data; boundary={check.BOUNDARY}")
        lines.append(f"Content-Length: {len(body)}")
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return connection

    def raw(self, target, uploads=None, **more):
        """All that comes before the connection ends, and the error with which it ended."""
        with self.send(target, uploads, **more) as connection:
            pieces, ended = [], None
            try:
                while piece := connection.recv(1 << 16):
                    pieces.append(piece)
            except OSError as error:
                ended = error
        return b"".join(pieces), ended

    def ask(self, target, uploads=None, **more):
        return check.Answer(self.raw(target, uploads, **more)[0])

    def rows(self, target, uploads=None):
        return [json.loads(line) for line in self.ask(target, uploads).body.splitlines()]

    def control(self, method, path, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, "/-/" + path, body=None if fields is None else json.dumps(fields))
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        if reply.status != 200:
            raise ValueError(f"{path}: {reply.status} {data!r}")
        return data

    def fault(self, name, **fields):
        self.control("PUT", "fault/" + name, fields)

    def mend(self, name):
        self.control("DELETE", "fault/" + name)


def small_car():
    """A CAR with a file of three chunks: root, CIDs of the leaves, bytes."""
    blocks = {}
    maker = Maker(lambda cid, data: blocks.setdefault(cid, data), 1)
    made = maker.file([b"one" * 100, b"two" * 100, b"six" * 100])
    data = b"".join(car.export(blocks.__getitem__, made.cid))
    leaves = [cid for cid in blocks if cid != made.cid]
    return made.cid, leaves, data


def exports(server, root, leaves, data):
    whole = server.ask(f"dag/export?arg={root}")
    says("an export is the CAR that was imported", whole.body == data and not whole.trailers)

    server.fault("export-cut", bytes=200)
    cut = server.ask(f"dag/export?arg={root}")
    says("export-cut: 200, some bytes, and the error in the trailer",
         cut.status == 200 and cut.body == data[:200] and cut.trailers[0][0] == "X-Stream-Error", cut.trailers)
    server.fault("export-cut", bytes=200, how="end", times=1)
    cut = server.ask(f"dag/export?arg={root}")
    says("export-cut how=end: ends as if it were whole", cut.body == data[:200] and not cut.trailers, cut.trailers)
    says("times=1: the next one is whole", server.ask(f"dag/export?arg={root}").body == data)
    server.fault("export-cut", bytes=200, how="close")
    sent, error = server.raw(f"dag/export?arg={root}")
    says("export-cut how=close: no last chunk", error is None and data[100:200] in sent[-250:] + sent
         and not sent.endswith(b"0\r\n\r\n"), sent[-20:])
    server.mend("export-cut")

    server.fault("export-without", cid=str(leaves[1]))
    cut = server.ask(f"dag/export?arg={root}")
    says("export-without: a block is left out, and nothing said of it",
         cut.status == 200 and not cut.trailers and b"two" not in cut.body and b"six" in cut.body)
    server.fault("export-without", cid=str(leaves[1]), trailer=True)
    cut = server.ask(f"dag/export?arg={root}")
    says("export-without trailer: as Kubo does it where a block is missing", b"six" not in cut.body and cut.trailers
         and cut.trailers[0][1].startswith('walk failed: error traversing node at "Links/1/Hash"'), cut.trailers)
    server.mend("export-without")

    server.fault("trailer", command="refs/local", message="too bad")
    end = server.ask("refs/local")
    says("trailer: at the end of a whole answer", len(end.body.splitlines()) == 5
         and end.trailers == [["X-Stream-Error", "too bad"]], (end.body, end.trailers))
    server.mend("trailer")

    server.fault("wrong-bytes", cid=str(leaves[0]))
    wrong = server.ask(f"block/get?arg={leaves[0]}")
    says("wrong-bytes: in block/get", wrong.status == 200 and wrong.body != b"one" * 100 and len(wrong.body) == 300)
    says("wrong-bytes: in an export", server.ask(f"dag/export?arg={root}").body not in (data, b""))
    says("wrong-bytes: repo/verify finds them", server.ask("repo/verify").trailers != [])
    server.mend("wrong-bytes")
    says("wrong-bytes: gone with the fault", server.ask(f"dag/export?arg={root}").body == data)

    server.fault("lose-block", cid=str(leaves[2]))
    says("lose-block: block/stat is a 500", server.ask(f"block/stat?arg={leaves[2]}").status == 500)
    says("lose-block: the pin is still listed",
         server.ask(f"pin/ls?arg={root}").status == 200 and len(server.rows("refs/local")) == 4)
    says("lose-block: pin/verify does not see a raw block that is lost", server.ask("pin/verify").body == b"")
    server.fault("search", times=1000)
    began = time.monotonic()
    late = server.ask(f"block/get?arg={leaves[2]}&timeout=300ms")
    says("search: a missing block is looked for until the timeout", late.status == 500
         and b"context deadline exceeded" in late.body and 0.25 < time.monotonic() - began < 3, late.body)
    began = time.monotonic()
    says("search: not with offline=true", b"was not found locally" in server.ask(
        f"block/get?arg={leaves[2]}&offline=true&timeout=5s").body and time.monotonic() - began < 2)
    server.mend("search")
    server.mend("lose-block")


def pins(server, root, leaves, data):
    server.fault("forget-pin", cid=str(root))
    says("forget-pin with a CID: that pin is gone", server.ask(f"pin/ls?arg={root}").status == 500)
    server.fault("forget-pin")
    answer = server.ask(f"pin/add?arg={root}")
    says("forget-pin: the answer is good, the pin is not there", answer.status == 200
         and server.ask(f"pin/ls?arg={root}").status == 500)
    answer = server.rows("dag/import", [("x.car", data)])
    says("forget-pin: after an import, too", answer[0]["Root"]["PinErrorMsg"] == ""
         and server.ask(f"pin/ls?arg={root}").status == 500, answer)
    server.mend("forget-pin")

    server.fault("pin-error", message="no such luck", times=1)
    answer = server.rows("dag/import", [("x.car", data)])
    says("pin-error: 200, and the error in PinErrorMsg", answer[0]["Root"]["PinErrorMsg"] == "no such luck"
         and server.ask(f"pin/ls?arg={root}").status == 500, answer)
    server.fault("pin-error", message="no such luck", times=1)
    answer = server.ask(f"pin/add?arg={root}")
    says("pin-error: pin/add is a 500", answer.status == 500 and b'"pin: no such luck"' in answer.body, answer.body)

    server.fault("gc-before-pin", times=1)
    answer = server.rows("dag/import", [("x.car", data)])
    says("gc-before-pin: an import whose blocks are collected before they are pinned",
         "could not find" in answer[0]["Root"]["PinErrorMsg"] and len(server.rows("refs/local")) == 1, answer)
    server.rows("dag/import?pin-roots=false", [("x.car", data)])
    server.fault("gc-before-pin", times=1)
    answer = server.ask(f"pin/add?arg={root}")
    says("gc-before-pin: between an import and a pin", answer.status == 500 and b"could not find" in answer.body)

    alone = car.header([leaves[0]])
    answer = server.rows("dag/import", [("x.car", varint(len(alone)) + alone)])
    says("a root without a block is imported, and not pinned",
         answer[0]["Root"]["PinErrorMsg"] == f"ipld: could not find {leaves[0]}", answer)
    server.fault("import-early")
    big = data + b"".join(varint(len(cid_of(bytes([number % 256]) * 1000000).binary) + 1000000)
                          + cid_of(bytes([number]) * 1000000).binary + bytes([number]) * 1000000
                          for number in range(1, 9))
    early = [server.rows("dag/import", [("x.car", data)])[0]["Root"], len(server.rows("refs/local"))]
    says("import-early: the answer is good, and nothing is stored", early == [
        {"Cid": {"/": str(root)}, "PinErrorMsg": ""}, 1], early)
    try:
        sent, error = server.raw("dag/import", [("x.car", big)], close=False)
    except OSError as refused:
        sent, error = b"", refused
    says("import-early: the rest of a large body is not taken", error is not None or b"Connection: close" in sent,
         (sent, error))
    server.mend("import-early")
    rows = server.rows("dag/import", [("x.car", data)])
    says("gc honours pins", rows[0]["Root"]["PinErrorMsg"] == "" and server.rows("repo/gc") == []
         and server.ask(f"dag/export?arg={root}").body == data)


def answers(server):
    server.fault("status", status=500, message="out of luck", times=1)
    answer = server.ask("version")
    says("status: 500 in Kubo's form", answer.status == 500 and json.loads(answer.body) == {
        "Message": "out of luck", "Code": 0, "Type": "error"}, answer.body)
    server.fault("status", status=429, text="slow down", headers={"Retry-After": "2"}, times=1)
    answer = server.ask("version")
    says("status: any other, as text, with header fields", answer.status == 429 and answer.body == b"slow down\n"
         and ["Retry-After", "2"] in answer.headers, answer.headers)
    server.fault("status", status=503, text="no", command="pin/ls")
    says("command: only that one", server.ask("version").status == 200 and server.ask("pin/ls").status == 503)
    server.mend("status")

    server.fault("hang")
    try:
        data, error = server.raw("version", timeout=0.5)
    except OSError as late:
        data, error = b"", late
    says("hang: no answer", data == b"" and isinstance(error, TimeoutError), (data, error))
    server.mend("hang")
    server.fault("slow", seconds=0.4, times=1)
    began = time.monotonic()
    says("slow: the answer comes late", server.ask("version").status == 200 and time.monotonic() - began >= 0.4)
    server.fault("reset", times=1)
    data, error = server.raw("version")
    says("reset: before anything is done", data == b"" and isinstance(error, ConnectionResetError), (data, error))
    server.fault("reset", times=1, when="after")
    data, error = server.raw("block/put", [("b", b"kept")])
    says("reset when=after: the work is done, and nothing said", data == b""
         and isinstance(error, ConnectionResetError) and server.ask(f"block/stat?arg={cid_of(b'kept')}").status == 200,
         (data, error))
    server.fault("reset", times=1, when="during", bytes=10)
    data, error = server.raw("version")
    says("reset when=during: after some bytes", b'\na\r\n{"Version"' in data
         and isinstance(error, ConnectionResetError), (data, error))
    asked = json.loads(server.control("GET", "requests"))
    says("the requests are listed", "POST /api/v0/version" in asked and len(asked) > 40, asked[:5])


def several(server):
    """What every client does: connections that are used again, and bodies that wait for a word."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    seen = []
    for _ in range(3):
        connection.request("POST", "/api/v0/version")
        reply = connection.getresponse()
        seen.append((reply.status, json.loads(reply.read())["Version"], connection.sock.getsockname()))
        connection.request("GET", "/api/v0/version")
        seen.append((connection.getresponse().read() and 200, "0.42.0", connection.sock.getsockname()))
    says("one connection takes several requests", len(set(seen)) == 1, seen)
    connection.close()
    with server.send("block/put", [("b", b"waiting")], headers=["Expect: 100-continue"]) as connection:
        says("Expect: 100-continue is answered", connection.recv(1 << 16).startswith(b"HTTP/1.1 100 Continue"))
    chunked = (f"--{check.BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\n"
               f"in chunks\r\n--{check.BOUNDARY}--\r\n").encode()
    wire = (f"POST /api/v0/block/put HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nContent-Type: "
            f"multipart/form-data; boundary={check.BOUNDARY}\r\n\r\n").encode()
    wire += b"".join(b"%x\r\n%s\r\n" % (len(chunked[at:at + 7]), chunked[at:at + 7])
                     for at in range(0, len(chunked), 7)) + b"0\r\n\r\n"
    key = json.loads(check.ask(server.port, wire).body)["Key"]
    says("a body in chunks is taken", key == str(cid_of(b"in chunks", RAW)), key)


def authorisation():
    basic = "Basic " + base64.b64encode(b"me:secret").decode()
    with Server("--auth", "token", "--auth", "me:secret") as server:
        for what, headers, status in (("nothing", [], 403), ("a wrong token", ["Authorization: Bearer no"], 403),
                                      ("the token", ["Authorization: Bearer token"], 200),
                                      ("user and password", [f"Authorization: {basic}"], 200)):
            answer = server.ask("version", headers=headers)
            says(f"with {what}: {status}", answer.status == status and (status == 200 or answer.body.startswith(
                b"Kubo RPC Access Denied: Please provide a valid authorization token")), answer.body)


def folder(root, data):
    with tempfile.TemporaryDirectory() as place:
        with Server("--repo", place) as server:
            server.rows("dag/import", [("x.car", data)])
            server.ask(f"pin/add?arg={root}&name=" + urllib.parse.quote("my pin"))
            server.ask(f"files/cp?arg=/ipfs/{root}&arg=/f")
            server.process.send_signal(signal.SIGKILL)
        with Server("--repo", place) as server:
            listed = server.rows("pin/ls?type=recursive&names=true")[0]["Keys"]
            says("a folder outlives a kill: pins and names", listed.get(str(root)) == {
                "Type": "recursive", "Name": "my pin"}, listed)
            says("a folder outlives a kill: blocks and files", server.ask(f"dag/export?arg={root}").body == data
                 and b"onetwo" not in server.ask("files/read?arg=/f").body[:1] and
                 server.rows("files/stat?arg=/f")[0]["Hash"] == str(root))


def main():
    root, leaves, data = small_car()
    with Server() as server:
        server.rows("dag/import", [("x.car", data)])
        exports(server, root, leaves, data)
        pins(server, root, leaves, data)
        answers(server)
        several(server)
    with Server("--fault", 'status={"times":1}', "--fault", "forget-pin") as server:
        says("--fault sets faults at the start", server.ask("version").status == 500
             and set(json.loads(server.control("GET", "faults"))) == {"status", "forget-pin"})
    authorisation()
    folder(root, data)
    print(f"{sum(RESULTS)} of {len(RESULTS)} hold")
    return 0 if all(RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
