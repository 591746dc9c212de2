"""Behaves as a pinning service does towards its clients: the pinning API, Pinata's uploads, an importing bucket, and a
gateway.

usage: server.py [--token TOKEN] [--steps N] [--network URL] [--delegate MULTIADDR] [--have CID] …

It prints its port on 127.0.0.1. README.md says what it does, and from where that is known.
"""

import argparse
import json
import socket
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bucket import Bucket
from content import Content, read_cid
from faults import Faults
from files import Files
from pins import Clock, Pins
from replies import Problem, Reply, missing


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "pinning-simulator", ""

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parts.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        service = self.server.service
        with service.lock:
            if path.startswith("/-/"):
                return self.send(service.control(self.command, path, body))
            line = f"{self.command} {self.path}"
            service.requests.append(line)
            try:
                reply = service.route(self.command, self.path, path, query, self.headers, body)
            except Problem as problem:
                reply = problem.reply()
            if service.faults.get("lost-answer", line) is not None:
                raise ConnectionError
            if reply.pieces is not None:
                reply.pieces = list(reply.pieces)
        self.send(reply)

    def send(self, reply):
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.pieces is None:
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cut = self.server.service.faults.get("cut")
        left = cut["bytes"] if cut is not None else None
        for piece in reply.pieces:
            if left is not None:
                piece, left = piece[:left], left - len(piece[:left])
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if left == 0:
                break
        if cut is None or cut.get("how") == "end":
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True


class Service:
    def __init__(self, options):
        self.lock, self.requests, self.faults = threading.RLock(), [], Faults()
        self.tokens, self.gateway_token = options.token or ["secret"], options.gateway_token
        self.base = options.base
        self.content = Content(options.network)
        self.content.pretended.update(options.have)
        self.bucket = Bucket(self.content, ("import-key", "import-secret-4711"))
        clock = Clock(options.clock, options.tick)
        self.pins = Pins(self.content, self.faults, clock, options.steps, options.delegate, self.bucket.blocks)
        self.files = Files(self.content, self.faults, clock)

    def route(self, method, target, path, query, headers, body):
        fault = self.faults.get("status", f"{method} {target}")
        if fault is not None:
            fields = {"Content-Type": fault.get("type", "application/json")} | fault.get("headers", {})
            return Reply(fault["status"], fields, fault.get("body", "").encode())
        if path.startswith("/ipfs/"):
            return self.gateway(path, query, headers)
        if path.startswith("/bucket/"):
            return self.bucket.answer(method, target, path, headers, body)
        if not self.knows(headers):
            raise Problem(401, "UNAUTHORIZED", "Access token is missing or invalid")
        if path.startswith(self.base + "/pins"):
            return self.pins.answer(method, path[len(self.base):], query, body)
        reply = self.files.answer(method, path, query, headers, body)
        if reply is None:
            raise missing("resource")
        return reply

    def knows(self, headers):
        if headers.get("pinata_api_key") == "older-key" and headers.get("pinata_secret_api_key") == "older-secret":
            return True
        return headers.get("Authorization") in [f"Bearer {token}" for token in self.tokens]

    def gateway(self, path, query, headers):
        """Gives what the account holds, in the forms of a trustless gateway."""
        if self.gateway_token and headers.get("x-pinata-gateway-token") != self.gateway_token:
            return Reply(403, {"Content-Type": "text/plain"}, b"ERR_ID:00024 the token is missing")
        fault = self.faults.get("gateway-status")
        if fault is not None:
            return Reply(fault["status"], {"Content-Type": fault.get("type", "text/plain")}, fault.get("body", "").encode())
        cid = read_cid(path[len("/ipfs/"):])
        if cid is None:
            return Reply(400, {"Content-Type": "text/plain"}, b"invalid path")
        block = self.content.block(cid)
        if block is None:
            return Reply(404, {"Content-Type": "text/plain"}, b"no providers were found")
        if query.get("format") == "raw":
            return Reply(200, {"Content-Type": "application/vnd.ipld.raw", "ETag": f'"{cid}.raw"'}, block)
        if query.get("format") != "car":
            return Reply(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html>a directory</html>")
        kind = f"application/vnd.ipld.car; version=1; order=dfs; dups={query.get('car-dups', 'n')}"
        return Reply(200, {"Content-Type": kind, "ETag": f'W/"{cid}.car"'}, pieces=self.content.export(cid))

    def control(self, method, path, body):
        if path == "/-/requests":
            reply = Reply.json(self.requests)
            if method == "DELETE":
                self.requests = []
            return reply
        words = path.split("/")
        if words[2] == "fault" and method == "PUT":
            self.faults.put(words[3], json.loads(body or b"{}"))
        elif words[2] == "fault" and method == "DELETE":
            self.faults.remove(words[3])
        elif words[2] in ("spoil", "lose"):
            cid = read_cid(words[3])
            self.content.spoil(cid) if words[2] == "spoil" else self.content.drop(cid)
        elif words[2] == "fill":
            wanted = json.loads(body)
            return Reply.json(self.pins.fill(wanted["count"], wanted["alike"]))
        elif words[2] == "objects":
            return Reply.json([f"{bucket}/{key}" for bucket, key in self.bucket.objects])
        elif words[2] == "uploads" and method == "DELETE":
            self.files.uploads.clear()
        else:
            return Reply(404)
        return Reply(204)


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", action="append")
    parser.add_argument("--gateway-token")
    parser.add_argument("--base", default="")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--network", action="append", default=[])
    parser.add_argument("--delegate", action="append", default=[])
    parser.add_argument("--have", action="append", default=[])
    parser.add_argument("--clock")
    parser.add_argument("--tick", type=float, default=1)
    parser.add_argument("--port", type=int, default=0)
    server = Server(("127.0.0.1", 0), Handler)
    options = parser.parse_args()
    if options.port:
        server.server_close()
        server = Server(("127.0.0.1", options.port), Handler)
    server.service = Service(options)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
