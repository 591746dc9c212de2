"""A simulator of the REST API of an IPFS Cluster, version 1.1.6, for tests. README.md says what it is made from.

usage: server.py [--peers N] [--pace N] [--replication MIN:MAX] [--auth USER:PASSWORD] [--fault NAME[=JSON]]...

It prints a line of JSON: {"api": PORT, "proxies": [PORT, ...]}, all on 127.0.0.1; each peer has an IPFS proxy, which is
the RPC API of its node. PUT /-/fault/NAME with a JSON object turns a fault on, DELETE turns it off; GET /-/requests
answers with the requests so far, DELETE empties the list. POST /-/do does something on the nodes: see `do`.
"""

import argparse
import base64
import importlib.util
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
import traceback
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
# Nodes, blocks and HTTP are those of the simulator of a node.
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "kubo"))

import car  # noqa: E402
from cluster import VERSION, Cluster, stamp  # noqa: E402
from multiformats import Malformed, parse_cid  # noqa: E402
from wire import BadMultipart, Broken, Peer, Request, parts  # noqa: E402

FAULTS = ("status", "page", "reset", "hang", "slow", "stream-error", "no-trailer", "cut", "wrong-cid", "duplicates",
          "long-line", "garbage", "many", "forget-pin", "pin-error", "stuck", "say", "peer-down", "metrics",
          "early-add")
LONGEST_LINE = 4 << 20


class Failure(Exception):
    def __init__(self, message, status=500):
        super().__init__(message)
        self.status = status


class Answer:
    """One reply: an object, a stream with a trailer, or nothing."""

    def __init__(self, request):
        self.request, self.peer, self.closes = request, request.peer, request.closes
        self.started = self.mute = False

    def _head(self, status, fields):
        words = {200: "OK", 204: "No Content", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}
        lines = [f"HTTP/1.1 {status} {words.get(status, 'Status')}", *(f"{name}: {value}" for name, value in fields)]
        if not self.request.body.done:
            self.closes = True
        if self.closes:
            lines.append("Connection: close")
        self._send("\r\n".join(lines).encode() + b"\r\n\r\n")

    def _send(self, data):
        if not self.mute:
            self.peer.send(data)

    def plain(self, status, data, kind="application/json", fields=()):
        self.started = True
        length = [] if status == 204 else [("Content-Length", str(len(data)))]
        self._head(status, [("Content-Type", kind), *fields, *length])
        self._send(data)

    def value(self, value, status=200, fields=()):
        self.plain(status, json.dumps(value).encode() + b"\n", fields=fields)

    def fail(self, failure):
        fields = [("WWW-Authenticate", 'Basic realm="Restricted IPFS Cluster API"')] if failure.status == 401 else []
        self.value({"code": failure.status, "message": str(failure)}, failure.status, fields)

    def begin(self):
        if not self.started:
            self.started = True
            self._head(200, [("Content-Type", "application/json"), ("Trailer", "X-Stream-Error"),
                             ("Transfer-Encoding", "chunked")])

    def chunk(self, data):
        self.begin()
        self._send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self, error="", trailer=True):
        self._send(b"0\r\n" + (f"X-Stream-Error: {error}\r\n".encode() if trailer else b"") + b"\r\n")


class Server:
    def __init__(self, cluster, secrets_):
        self.cluster, self.users = cluster, secrets_

    def serve(self, connection):
        peer = Peer(connection)
        try:
            while self.exchange(peer):
                pass
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

    def exchange(self, peer):
        request = Request(peer, peer.until(b"\r\n\r\n"))
        answer = Answer(request)
        path = urllib.parse.urlsplit(request.target).path
        if path.startswith("/-/"):
            self.control(request, answer, path)
        else:
            with self.cluster.lock:
                self.cluster.requests.append(f"{request.method} {request.target}")
            try:
                self.answer(request, answer, path)
            except Failure as failure:
                if answer.started:
                    answer.end(str(failure))
                else:
                    answer.fail(failure)
            except (Broken, EOFError, OSError):
                raise
            except Exception as error:  # A fault of the simulator must not look like one of a cluster.
                traceback.print_exc()
                answer.fail(Failure(f"simulator: {type(error).__name__}: {error}"))
        taken = request.body.taken + (256 << 10)
        while not request.body.done and not request.body.asks and request.body.taken < taken:
            request.body.read()
        return request.body.done and not answer.closes

    # --- the API ---

    def answer(self, request, answer, path):
        query = urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query, keep_blank_values=True)
        self.spoil(request, answer, path)
        if answer.started:
            return
        if request.method == "GET" and path == "/health":
            answer.plain(204, b"")
            return
        self.authorise(request, path)
        for method, pattern, run in self.ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                run(self, request, answer, dict(query), *match.groups())
                return
        raise Failure("not found", 404)

    def spoil(self, request, answer, path):
        """What faults do before anything is done."""
        cluster, where = self.cluster, {"path": path.split("/")[1], "method": request.method}
        with cluster.lock:
            status, page = cluster.fault("status", **where), cluster.fault("page", **where)
            reset, hang, slow = (cluster.fault(name, **where) for name in ("reset", "hang", "slow"))
        if slow is not None:
            time.sleep(slow.get("seconds", 0.2))
        if hang is not None:
            while "hang" in cluster.faults:
                time.sleep(0.02)
            raise Broken()
        if reset is not None and reset.get("when", "before") == "before":
            raise Broken(reset=True)
        answer.mute = reset is not None
        if page is not None:
            answer.plain(200, b"<!DOCTYPE html><html><body>Please log in</body></html>", "text/html")
        elif status is not None and "text" in status:
            fields = list(status.get("headers", {}).items())
            answer.plain(status["status"], status["text"].encode(), "text/plain", fields)
        elif status is not None:
            raise Failure(status.get("message", "context deadline exceeded"), status.get("status", 500))

    def authorise(self, request, path):
        if not self.users:
            return
        given = request.headers.get("authorization", "")
        is_user = given in self.users
        is_token = path != "/token" and given.startswith("Bearer ") and given[7:] in self.cluster.tokens
        if not is_user and not is_token:
            raise Failure("Unauthorized: access denied", 401)

    def token(self, request, answer, query):
        token = f"head.{secrets.token_hex(16)}.tail"
        with self.cluster.lock:
            self.cluster.tokens.add(token)
        answer.value({"token": token})

    def identity(self, request, answer, query):
        answer.value(self.cluster.identity())

    def version(self, request, answer, query):
        answer.value({"version": VERSION})

    def freespace(self, request, answer, query):
        answer.value(self.cluster.metrics())

    @staticmethod
    def cid(text):
        try:
            return parse_cid(text)
        except Malformed as error:
            raise Failure(f"error decoding Cid: {error}", 400) from None

    def other(self, value):
        """An answer, or one about something else."""
        return {**value, "cid": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"} \
            if self.cluster.fault("wrong-cid") is not None else value

    def status(self, request, answer, query, cid):
        with self.cluster.lock:
            answer.value(self.other(self.cluster.status(self.cid(cid))))

    def statuses(self, request, answer, query):
        wanted = set(filter(None, query.get("filter", "").split(",")))
        with self.cluster.lock:
            rows = [self.cluster.status(cid) for cid in self.cluster.pins]
        self.stream(answer, [row for row in rows if not wanted or any(
            each["status"] in wanted for each in row["peer_map"].values())])

    def allocation(self, request, answer, query, cid):
        with self.cluster.lock:
            pin = self.cluster.pins.get(self.cid(cid))
        if pin is None:
            raise Failure("not found", 404)
        answer.value(self.other(pin))

    def allocations(self, request, answer, query):
        fault = self.cluster.fault("many")
        if fault is not None:
            for data in self.cluster.many(fault["count"]):
                answer.chunk(data)
            answer.end()
            return
        with self.cluster.lock:
            pins = list(self.cluster.pins.values())
        self.stream(answer, pins * (2 if self.cluster.fault("duplicates") is not None else 1))

    def stream(self, answer, rows):
        """Rows on lines of their own; nothing at all is a 204."""
        faults = self.cluster
        broken, line, garbage = faults.fault("stream-error"), faults.fault("long-line"), faults.fault("garbage")
        if broken is not None and broken.get("after", 0) == 0 and not rows:
            raise Failure(broken.get("message", "context canceled"))
        for count, row in enumerate(rows):
            if broken is not None and broken.get("after", 0) == count:
                answer.begin()
                raise Failure(broken.get("message", "context canceled"))
            answer.chunk(json.dumps(row).encode() + b"\n")
        if line is not None:
            answer.chunk(b'{"cid":"' + b"x" * LONGEST_LINE)
        if garbage is not None:
            answer.chunk(garbage.get("text", "nonsense").encode() + b"\n")
        if not answer.started:
            answer.plain(204, b"")
        elif faults.fault("cut") is not None:
            raise Broken()
        elif broken is not None:
            raise Failure(broken.get("message", "context canceled"))
        else:
            answer.end(trailer=faults.fault("no-trailer") is None)

    def options(self, query):
        both = int(query.get("replication", 0))
        expire = query.get("expire-at", "")
        if "expire-in" in query:
            seconds = sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit]
                          for number, unit in re.findall(r"(\d+)([hms])", query["expire-in"]))
            expire = stamp(time.time() + seconds)
        listed = {name: [each for each in query.get(name, "").split(",") if each]
                  for name in ("origins", "user-allocations")}
        return {"name": query.get("name", ""), "mode": query.get("mode") or "recursive",
                "min": int(query.get("replication-min", both)), "max": int(query.get("replication-max", both)),
                "metadata": {name[5:]: value for name, value in query.items() if name.startswith("meta-")},
                "expire": expire, "origins": listed["origins"], "allocations": listed["user-allocations"]}

    def keep(self, cid, query):
        try:
            return self.cluster.pin(cid, self.options(query))
        except ValueError as error:
            raise Failure(str(error)) from None

    def pin(self, request, answer, query, cid):
        with self.cluster.lock:
            pin = self.keep(self.cid(cid), query)
        self.late(answer)
        answer.value(self.other(pin))

    def unpin(self, request, answer, query, cid):
        with self.cluster.lock:
            if self.cid(cid) not in self.cluster.pins:
                raise Failure("not found", 404)
            pin = self.cluster.unpin(self.cid(cid))
        self.late(answer)
        answer.value(self.other(pin))

    def recover(self, request, answer, query, cid):
        with self.cluster.lock:
            if self.cid(cid) not in self.cluster.pins:
                raise Failure("not found", 404)
            self.cluster.recover(self.cid(cid))
            answer.value(self.other(self.cluster.status(self.cid(cid))))

    @staticmethod
    def late(answer):
        if answer.mute:
            raise Broken(reset=True)

    def add(self, request, answer, query):
        """Takes a CAR as it is: its blocks go to the peers that are to have its root."""
        match = re.match(r'multipart/form-data;.*boundary="?([^";]+)"?', request.headers.get("content-type", ""))
        if match is None or query.get("format") != "car":
            raise Failure("the simulator adds CARs alone", 400)
        cluster = self.cluster
        if cluster.fault("early-add") is not None:
            root = car.Reader(next(parts(request.body, match.group(1).encode()))).roots[0]
            self.added(answer, query, root, 0, [])
            return
        roots, blocks, size = [], {}, 0
        try:
            for part in parts(request.body, match.group(1).encode()):
                reader = car.Reader(part)
                roots += reader.roots
                for cid, block in reader.blocks():
                    blocks[cid] = block
                    size += len(block)
        except (Malformed, BadMultipart) as error:
            raise Failure(str(error)) from None
        if len(roots) != 1:
            raise Failure("only CAR files with a single root are supported")
        with cluster.lock:
            if query.get("no-pin") != "true":
                pin = self.keep_after(roots[0], query, blocks)
            targets = [peer.id for peer in cluster.holders(pin)]
        self.late(answer)
        self.added(answer, query, roots[0], size, targets)

    def keep_after(self, root, query, blocks):
        cluster, options = self.cluster, self.options(query)
        # Where the blocks go is decided before they are pinned.
        chosen = [peer for peer in cluster.peers if not cluster.is_down(peer)]
        wanted = options["allocations"] or cluster.pins.get(root, {}).get("allocations") or []
        for peer in [each for each in chosen if each.id in wanted] or chosen:
            for cid, block in blocks.items():
                peer.node.store.hidden.discard(cid.hash)
                peer.node.store.put(cid, block)
        pin = self.keep(root, query)
        for peer in chosen:
            if wanted or peer in cluster.holders(pin):
                continue
            peer.node.collect()
        return pin

    def added(self, answer, query, root, size, targets):
        row = self.other({"name": "", "cid": str(root), "size": size, "allocations": targets})
        if query.get("stream-channels", "true") != "true":
            answer.value([row])
            return
        self.stream(answer, [row])

    ROUTES = [("POST", "/token", token), ("GET", "/id", identity), ("GET", "/version", version),
              ("GET", "/monitor/metrics/freespace", freespace), ("GET", "/pins/([^/]+)", status),
              ("GET", "/pins", statuses), ("GET", "/allocations", allocations),
              ("GET", "/allocations/([^/]+)", allocation), ("POST", "/pins/([^/]+)", pin),
              ("DELETE", "/pins/([^/]+)", unpin), ("POST", "/pins/([^/]+)/recover", recover), ("POST", "/add", add)]

    # --- control ---

    def control(self, request, answer, path):
        body = b"".join(iter(request.body.read, b""))
        cluster, name = self.cluster, path.removeprefix("/-/fault/")
        with cluster.lock:
            if path == "/-/requests" and request.method == "DELETE":
                cluster.requests.clear()
            if path == "/-/requests":
                answer.value(cluster.requests)
            elif path == "/-/do":
                answer.value(self.do(json.loads(body)))
            elif name not in FAULTS:
                answer.fail(Failure(f"there is no fault {name}", 404))
            elif request.method == "DELETE":
                cluster.faults.pop(name, None)
                answer.value({})
            else:
                cluster.faults[name] = json.loads(body or b"{}")
                answer.value(cluster.faults[name])

    def do(self, what):
        """On the nodes of some peers (all where none are named), or in the cluster: loses a block, or all of them;
        damages one; forgets a pin; leaves blocks to others; forgets tokens."""
        cluster = self.cluster
        chosen = [cluster.peers[index] for index in what.get("peers", range(len(cluster.peers)))]
        cid = parse_cid(what["cid"]) if "cid" in what else None
        for peer in chosen:
            store = peer.node.store
            if what["do"] == "lose":
                store.blocks.remove(cid.hash)
            elif what["do"] == "lose-all":
                store.blocks.kept.clear()
            elif what["do"] == "damage":
                data = store.blocks.kept[cid.hash]
                store.blocks.kept[cid.hash] = data[:-1] + bytes([data[-1] ^ 1])
            elif what["do"] == "unpin" and cid in store.pins:
                store.unpin(cid)
        if what["do"] == "forget-tokens":
            cluster.tokens.clear()
        if what["do"] == "drop":
            cluster.unpin(cid)
        return {"pins": [str(cid) for cid in cluster.pins]}


def listen(serve, port=0):
    listener = socket.create_server(("127.0.0.1", port), backlog=128)

    def accept():
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def node_serving():
    """The server of the simulator of a node, whose module has the name of this one."""
    spec = importlib.util.spec_from_file_location("node_server", os.path.join(sys.path[1], "server.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Server


def fault(text):
    name, _, fields = text.partition("=")
    return name, json.loads(fields or "{}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", type=int, default=3)
    parser.add_argument("--pace", type=int, default=0, help="so often a pin is looked at before it goes a step further")
    parser.add_argument("--replication", default="-1:-1")
    parser.add_argument("--auth", metavar="USER:PASSWORD", action="append", default=[])
    parser.add_argument("--fault", metavar="NAME[=JSON]", action="append", default=[], type=fault)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    cluster = Cluster(options.peers, options.pace, [int(each) for each in options.replication.split(":")])
    cluster.faults.update(options.fault)
    users = {"Basic " + base64.b64encode(each.encode()).decode() for each in options.auth}
    node_server = node_serving()
    proxies = [listen(node_server(peer.node).serve) for peer in cluster.peers]
    api = listen(Server(cluster, users).serve, options.port)
    print(json.dumps({"api": api, "proxies": proxies}), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
