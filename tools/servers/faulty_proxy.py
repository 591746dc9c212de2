"""Stands before a real HTTP server and goes wrong as a script says.

usage: faulty_proxy.py UPSTREAM-HOST:PORT RULES-FILE

It prints its port. RULES-FILE is a JSON list; the first rule whose "method" (or "*") and "path" (a part of the target)
match, and whose "times" [first, last] hold the number of such requests so far, is used:
  {"effect": "status", "status": 503, "headers": {"Retry-After": "1"}, "body": "…"}   answers by itself
  {"effect": "cut", "bytes": 1000}      passes so many bytes of the reply's body, then closes
  {"effect": "drop"}                    lets the server do its work, then closes without a reply
  {"effect": "reset"}                   closes before the server is asked
  {"effect": "trickle", "bytes": 100}   passes the reply's body in pieces of so many bytes, ten a second
  {"effect": "hang"}                    never answers
GET /-/requests answers with the requests so far, as a JSON list of "METHOD target".
"""

import json
import socket
import struct
import sys
import threading
import time

LONGEST_HEAD = 1 << 16


class Connection:
    """A socket with a buffer in front."""

    def __init__(self, peer):
        self.peer, self.buffer = peer, b""

    def more(self):
        data = self.peer.recv(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line + b"\r\n"

    def head(self):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > LONGEST_HEAD:
                raise EOFError
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def some(self, most):
        if not self.buffer:
            self.more()
        data, self.buffer = self.buffer[:most], self.buffer[most:]
        return data


def field(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def pieces(connection, head, most=1 << 16, until_close=False):
    """The body that follows a head, as it is on the wire."""
    if (field(head, b"transfer-encoding") or b"").lower() == b"chunked":
        while True:
            line = connection.line()
            yield line
            left = int(line.split(b";")[0], 16)
            last = left == 0
            while left > 0:
                data = connection.some(min(left, most))
                left -= len(data)
                yield data
            yield connection.line()
            if last:
                return
    length = field(head, b"content-length")
    left = int(length) if length is not None else (1 << 62 if until_close else 0)
    while left > 0:
        try:
            data = connection.some(min(left, most))
        except EOFError:
            if length is None:
                return
            raise
        left -= len(data)
        yield data


class Proxy:
    def __init__(self, upstream, rules):
        host, _, port = upstream.rpartition(":")
        self.upstream, self.rules = (host, int(port)), rules
        self.counts, self.requests, self.lock = [0] * len(rules), [], threading.Lock()

    def rule(self, method, target):
        with self.lock:
            self.requests.append(f"{method} {target}")
            for index, rule in enumerate(self.rules):
                if rule.get("method", "*") not in ("*", method) or rule.get("path", "") not in target:
                    continue
                self.counts[index] += 1
                first, last = rule.get("times", [1, 1 << 60])
                if first <= self.counts[index] <= last:
                    return rule
        return {"effect": "pass"}

    def serve(self, peer):
        client = Connection(peer)
        try:
            while self.exchange(client):
                pass
        except (EOFError, OSError, ValueError):
            pass
        finally:
            peer.close()

    def exchange(self, client):
        head = client.head()
        method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
        if target == "/-/requests":
            with self.lock:
                self.answer(client, 200, {"Content-Type": "application/json"}, json.dumps(self.requests))
            return True
        rule = self.rule(method, target)
        effect = rule["effect"]
        if effect == "reset":
            client.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if effect == "hang":
            time.sleep(3600)
        expects = (field(head, b"expect") or b"").lower() == b"100-continue"
        if effect == "status":
            if not expects:
                for _ in pieces(client, head):
                    pass
            self.answer(client, rule["status"], rule.get("headers", {}), rule.get("body", ""), close=expects)
            return not expects
        return self.forward(client, head, method, rule)

    def forward(self, client, head, method, rule):
        if (field(head, b"expect") or b"").lower() == b"100-continue":
            client.peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = b"\r\n".join(x for x in head.split(b"\r\n") if not x.lower().startswith(b"expect:"))
        with socket.create_connection(self.upstream) as server:
            server.sendall(head)
            for piece in pieces(client, head):
                server.sendall(piece)
            upstream = Connection(server)
            reply = upstream.head()
            while reply.split(b" ", 2)[1].startswith(b"1"):
                reply = upstream.head()
            status = int(reply.split(b" ", 2)[1])
            body = [] if method == "HEAD" or status in (204, 304) else pieces(
                upstream, reply, rule["bytes"] if rule["effect"] == "trickle" else 1 << 16, until_close=True)
            if rule["effect"] == "drop":
                for _ in body:
                    pass
                return False
            client.peer.sendall(reply)
            left = rule["bytes"] if rule["effect"] == "cut" else 1 << 62
            for piece in body:
                client.peer.sendall(piece[:left])
                left -= len(piece)
                if left <= 0:
                    return False
                if rule["effect"] == "trickle":
                    time.sleep(0.1)
        return field(reply, b"content-length") is not None or method == "HEAD" or status in (204, 304)

    @staticmethod
    def answer(client, status, headers, body, close=False):
        data = body.encode()
        lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(data)}"]
        lines += [f"{key}: {value}" for key, value in headers.items()] + (["Connection: close"] if close else [])
        client.peer.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        proxy = Proxy(sys.argv[1], json.load(file))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=proxy.serve, args=(peer,), daemon=True).start()


if __name__ == "__main__":
    main()
