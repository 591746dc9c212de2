"""Behaves as Nextcloud does towards clients of files: WebDAV as sabre/dav speaks it, and uploads in chunks.

usage: server.py [--root FOLDER] [--user USER:PASSWORD] [--quota BYTES] [--port PORT]

It prints its port on 127.0.0.1. README.md says what it does, and from where that is known.
"""

import argparse
import base64
import socket
import sys
import tempfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from files import Files
from replies import Problem, Reply, error_document

LONGEST_QUESTION = 1 << 20
STATUS = {"installed": True, "maintenance": False, "needsDbUpgrade": False, "version": "28.0.4.1",
          "versionstring": "28.0.4", "edition": "", "productname": "Nextcloud", "extendedSupport": False}
CAPABILITIES = {"version": {"major": 28, "minor": 0, "micro": 4, "string": "28.0.4", "edition": "",
                            "extendedSupport": False},
                "capabilities": {"core": {"pollinterval": 60, "webdav-root": "remote.php/webdav"},
                                 "dav": {"chunking": "1.0"},
                                 "files": {"bigfilechunking": True, "undelete": True, "versioning": True,
                                           "forbidden_filename_extensions": [".filepart", ".part"]}}}


class Bounded:
    """The body of a request, of a length that is known or in chunks."""

    def __init__(self, handler):
        self.file = handler.rfile
        self.chunked = handler.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.left = None if self.chunked else int(handler.headers.get("Content-Length") or 0)
        self.length = self.left

    def pieces(self):
        if self.chunked:
            yield from self._chunks()
            return
        while self.left > 0:
            data = self.file.read(min(self.left, 1 << 20))
            if not data:
                raise ConnectionError
            self.left -= len(data)
            yield data

    def _chunks(self):
        while True:
            size = int(self.file.readline().split(b";")[0], 16)
            data = self.file.read(size)
            if len(data) < size:
                raise ConnectionError
            self.file.readline()
            if size == 0:
                self.chunked, self.left = False, 0
                return
            yield data

    def text(self):
        data = b""
        for piece in self.pieces():
            data += piece
            if len(data) > LONGEST_QUESTION:
                raise Problem(413, "BadRequest", "The document is too long")
        return data

    def drain(self):
        for _ in self.pieces():
            pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Nextcloud-simulator", ""

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_expect_100(self):
        # Whoever is refused is told before the body comes.
        if self.is_known():
            return super().handle_expect_100()
        return True

    def is_known(self):
        return self.headers.get("Authorization") == self.server.authorization

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self):
        target = self.path.split("?")[0]
        body = Bounded(self)
        if target.startswith("/-/"):
            return self.control(target)
        with self.server.lock:
            self.server.requests.append(f"{self.command} {target}")
        try:
            reply = self.route(urllib.parse.unquote(target), body)
        except Problem as problem:
            document = b"" if self.command == "HEAD" else error_document(problem)
            reply = Reply(problem.status, {"Content-Type": "application/xml; charset=utf-8"}, document)
            if problem.status == 401:
                reply.headers["WWW-Authenticate"] = 'Basic realm="Nextcloud", charset="UTF-8"'
        if self.headers.get("Expect", "").lower() == "100-continue" and not self.is_known():
            self.close_connection = True
        else:
            body.drain()
        self.send(reply)

    def route(self, path, body):
        if path == "/status.php":
            return Reply.json(STATUS)
        if not self.is_known():
            raise Problem(401, "NotAuthenticated", "No public access to this resource., Basic authentication failed")
        if path.rstrip("/").endswith("/cloud/capabilities"):
            return self.ocs(CAPABILITIES)
        if path.rstrip("/").endswith("/cloud/user"):
            return self.ocs({"id": self.server.user, "display-name": self.server.user, "email": None})
        files = self.server.files
        dav, user = "/remote.php/dav", self.server.user
        for lead, place in ((f"{dav}/files/{user}", "files"), (f"{dav}/uploads/{user}", "uploads"),
                            ("/remote.php/webdav", "files")):
            if path == lead or path.startswith(lead + "/"):
                name = path[len(lead):].strip("/")
                if any(part in (".", "..") for part in name.split("/")):
                    raise Problem(400, "BadRequest", "The path is invalid")
                return files.answer(self.command, place, lead, name, self.headers, body)
        raise Problem(404, "NotFound", f"File not found: {path}")

    def ocs(self, data):
        return Reply.json({"ocs": {"meta": {"status": "ok", "statuscode": 100, "message": "OK"}, "data": data}})

    def control(self, target):
        with self.server.lock:
            if target == "/-/requests":
                reply = Reply.json(self.server.requests)
                if self.command == "DELETE":
                    self.server.requests = []
            elif target == "/-/uploads" and self.command == "DELETE":
                self.server.files.expire()
                reply = Reply(204)
            elif target == "/-/uploads":
                reply = Reply.json(self.server.files.pending())
            else:
                reply = Reply(404)
        self.send(reply)

    def send(self, reply):
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204 and "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(reply.body)
        for piece in reply.pieces:
            self.wfile.write(piece)


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root")
    parser.add_argument("--user", default="tester:opensesame-4711")
    parser.add_argument("--quota", type=int)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()

    server = Server(("127.0.0.1", options.port), Handler)
    server.user = options.user.split(":")[0]
    server.authorization = "Basic " + base64.b64encode(options.user.encode()).decode()
    server.requests, server.lock = [], threading.Lock()
    server.files = Files(options.root or tempfile.mkdtemp(prefix="nextcloud-"), options.quota)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
