"""A simulator of the RPC API of a Kubo node, version 0.42, for tests. README.md says what it is held to.

usage: server.py [--repo FOLDER] [--auth TOKEN | --auth USER:PASSWORD] [--origin URL]... [--fault NAME[=JSON]]...
                 [--port PORT]

It prints its port on 127.0.0.1. Blocks are kept in memory, or as files in FOLDER.
PUT /-/fault/NAME with a JSON object (or nothing) turns a fault on, DELETE turns it off; GET /-/faults lists them.
GET /-/requests answers with the requests so far, as a JSON list of "METHOD target"; DELETE empties the list.
"""

import argparse
import base64
import json
import os
import re
import socket
import threading
import traceback

# These declare the commands.
import commands_blocks  # noqa: F401
import commands_files  # noqa: F401
import commands_mfs  # noqa: F401
import commands_node  # noqa: F401
import commands_pins  # noqa: F401
from errors import Failure, Refusal
from faults import Cut
from node import COMMANDS, Call, Node
from wire import Broken, Peer, Reply, Request

BASE = "/api/v0/"
DENIED = ("Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations "
          "configuration.\n")
OWN_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


class Server:
    def __init__(self, node):
        self.node = node
        node.stopping = False

    def serve(self, connection):
        peer = Peer(connection)
        try:
            while self.exchange(peer):
                pass
            # The client may still be sending: what it sends is taken for a while, so that it sees the reply.
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(0.5)
            for _ in range(8):
                if not connection.recv(1 << 16):
                    break
        except Broken as broken:
            if broken.reset:
                peer.reset()
        except (EOFError, OSError, ValueError):
            pass
        finally:
            connection.close()
            if self.node.stopping:
                os._exit(0)

    def exchange(self, peer):
        request = Request(peer, peer.until(b"\r\n\r\n"))
        reply = Reply(request)
        path = request.target.split("?")[0]
        if path.startswith("/-/"):
            self.control(request, reply, path)
        else:
            with self.node.lock:
                self.node.requests.append(f"{request.method} {request.target}")
            try:
                self.answer(request, reply, path)
            except Refusal as refusal:
                headers = [("Allow", "OPTIONS, POST")] if refusal.status == 405 else []
                reply.plain(refusal.status, f"{refusal}\n", headers)
        whole = reply.drain()
        return whole and not reply.closes

    # --- commands ---

    def answer(self, request, reply, path):
        self.check(request)
        name = path.removeprefix(BASE).strip("/")
        if not path.startswith(BASE) or name not in COMMANDS:
            raise Refusal("404 page not found", 404)
        try:
            call = Call(self.node, name, request, reply)
        except Failure as error:
            Call.fail_early(reply, error)
            return
        self.node.call.current = call
        try:
            self.run(call)
        finally:
            self.node.call.current = None

    def run(self, call):
        faults = self.node.faults
        faults.before(call)
        status = faults.get("status", call)
        if status is not None:
            call.answer_status(status)
            return
        try:
            call.run()
        except Cut:
            call.reply.finish()
        except (Broken, EOFError, OSError):
            raise
        except Exception as error:  # A fault of the simulator must not look like one of a node.
            traceback.print_exc()
            call.fail(Failure(f"simulator: {type(error).__name__}: {error}"))

    def check(self, request):
        """What Kubo looks at before it looks for the command."""
        if self.node.authorization and request.headers.get("authorization") not in self.node.authorization:
            raise Refusal(DENIED.rstrip("\n"), 403)
        if request.method != "POST":
            raise Refusal("405 - Method Not Allowed", 405)
        origin = request.headers.get("origin")
        if origin is not None and origin not in self.node.origins and not OWN_ORIGIN.fullmatch(origin):
            raise Refusal("403 - Forbidden", 403)
        referer = re.match(r"https?://[^/]+", request.headers.get("referer", ""))
        if referer and referer.group() not in self.node.origins and not OWN_ORIGIN.fullmatch(referer.group()):
            raise Refusal("403 - Forbidden", 403)
        if origin is None and not referer and request.headers.get("user-agent", "").startswith("Mozilla"):
            raise Refusal("403 - Forbidden", 403)

    # --- control ---

    def control(self, request, reply, path):
        body = b"".join(iter(request.body.read, b""))
        faults, answer, status = self.node.faults, "", 200
        name = path.removeprefix("/-/fault/")
        try:
            if path == "/-/requests" and request.method == "DELETE":
                with self.node.lock:
                    self.node.requests.clear()
            elif path == "/-/requests":
                with self.node.lock:
                    answer = json.dumps(self.node.requests)
            elif path == "/-/faults":
                answer = json.dumps(faults.active)
            elif name == path:
                status, answer = 404, "no such place"
            elif request.method == "PUT":
                faults.put(name, json.loads(body or b"{}"))
            elif request.method == "DELETE":
                faults.remove(name)
            else:
                answer = json.dumps(faults.active.get(name))
        except (KeyError, ValueError) as error:
            status, answer = 400, f"{type(error).__name__}: {error}"
        reply.plain(status, answer)


def fault(text):
    name, _, fields = text.partition("=")
    return name, json.loads(fields or "{}")


def credentials(text):
    """The headers that a secret stands for: a token, or a user and a password."""
    return "Basic " + base64.b64encode(text.encode()).decode() if ":" in text else "Bearer " + text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repo", metavar="FOLDER")
    parser.add_argument("--auth", metavar="SECRET", action="append", default=[])
    parser.add_argument("--origin", metavar="URL", action="append", default=[])
    parser.add_argument("--fault", metavar="NAME[=JSON]", action="append", default=[], type=fault)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    node = Node(options.repo, {credentials(each) for each in options.auth}, options.origin)
    for name, fields in options.fault:
        node.faults.put(name, fields)
    server = Server(node)
    with socket.create_server(("127.0.0.1", options.port), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=server.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
