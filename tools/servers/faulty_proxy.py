"""Stands before a real HTTP server and goes wrong as a script says.

usage: faulty_proxy.py UPSTREAM-HOST:PORT RULES-FILE

It prints its port. RULES-FILE is a JSON list; the first rule whose "method" (or "*"), "path" and "also" (parts of the
target) match, "without" (which must not be a part), and whose "times" [first, last] hold the number of such requests so
far, is used:
  {"effect": "status", "status": 503, "headers": {"Retry-After": "1"}, "body": "…"}   answers by itself
  {"effect": "cut", "bytes": 1000}      passes so many bytes of the reply's body, then closes
  {"effect": "drop"}                    lets the server do its work, then closes without a reply
  {"effect": "reset"}                   closes before the server is asked
  {"effect": "trickle", "bytes": 100}   passes the reply's body in pieces of so many bytes, ten a second
  {"effect": "hang"}                    never answers
  {"effect": "hold"}                    waits before the server is asked, until the rule is taken away
  {"effect": "pause", "bytes": 100}     passes so many bytes of the reply's body, then waits until the rule is taken away
  {"effect": "unannounced", "bytes": 9} passes so many bytes of the reply's body, without its length, then closes
  {"effect": "whole"}                   answers a request for a part with all that was uploaded under the name
  {"effect": "shift"}                   answers a request for a part with another part of that
  {"effect": "strip", "field": "x"}     leaves a header field out of the reply
  {"effect": "unmeasured"}              leaves the lengths of files out of a list of WebDAV
  {"effect": "praise"}                  answers an upload before its body came, and closes
  {"effect": "echo"}                    takes an upload, keeps it from the server, and answers with the digests in it
  {"effect": "alter"}                   changes the last byte of an upload
  {"effect": "halve"}                   passes the first half of a reply as if that were all
  {"effect": "again"}                   passes a page of a list and says that there is a next one, under a new name
  {"effect": "hollow"}                  does the same with a page from which everything was taken
  {"effect": "gzip"}                    compresses the reply's body
PUT /-/rules/KEY with such a list puts rules before the others, in place of those that the key had; DELETE removes them.
GET /-/requests answers with the requests so far, as a JSON list of "METHOD target"; GET /-/bytes with how many bytes of
their bodies came.
"""

import base64
import gzip
import itertools
import json
import re
import socket
import struct
import sys
import threading
import time

LONGEST_HEAD = 1 << 16
LONGEST_KEPT = 8 << 20


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


def without(head, *names):
    """A head without some of its fields."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(x for x in lines if x.partition(b":")[0].strip().lower() not in names)


def decoded(head, parts):
    """The bytes of a body from its pieces on the wire."""
    if (field(head, b"transfer-encoding") or b"").lower() == b"chunked":
        wire, body = b"".join(parts), b""
        while True:
            size, _, wire = wire.partition(b"\r\n")
            count = int(size.split(b";")[0], 16)
            if count == 0:
                return body
            body, wire = body + wire[:count], wire[count + 2:]
    return b"".join(parts)


class Proxy:
    def __init__(self, upstream, rules):
        host, _, port = upstream.rpartition(":")
        self.upstream, self.rules = (host, int(port)), {"": rules}
        self.counts, self.requests, self.lock = {}, [], threading.Lock()
        self.kept, self.numbers, self.taken = {}, itertools.count(), 0

    def body(self, client, head):
        """The body of a request, which is counted."""
        for piece in pieces(client, head):
            with self.lock:
                self.taken += len(piece)
            yield piece

    def rule(self, method, target):
        with self.lock:
            self.requests.append(f"{method} {target}")
            for key, rules in reversed(self.rules.items()):
                for index, rule in enumerate(rules):
                    if rule.get("method", "*") not in ("*", method) or rule.get("path", "") not in target:
                        continue
                    if rule.get("also", "") not in target or rule.get("without", "\n") in target:
                        continue
                    count = self.counts[key, index] = self.counts.get((key, index), 0) + 1
                    first, last = rule.get("times", [1, 1 << 60])
                    if first <= count <= last:
                        return rule
        return {"effect": "pass"}

    def wait(self, rule):
        """Waits until the rule is taken away."""
        while True:
            with self.lock:
                if not any(each is rule for rules in self.rules.values() for each in rules):
                    return
            time.sleep(0.01)

    def serve(self, peer):
        client = Connection(peer)
        try:
            while self.exchange(client):
                pass
        except (EOFError, OSError, ValueError):
            pass
        finally:
            peer.close()

    def control(self, client, head, method, target):
        body = decoded(head, list(pieces(client, head)))
        with self.lock:
            if target == "/-/requests":
                self.answer(client, 200, {"Content-Type": "application/json"}, json.dumps(self.requests))
                return True
            if target == "/-/bytes":
                self.answer(client, 200, {"Content-Type": "application/json"}, json.dumps(self.taken))
                return True
            key = target.removeprefix("/-/rules/")
            self.rules.pop(key, None)
            for place in [each for each in self.counts if each[0] == key]:
                del self.counts[place]
            if method == "PUT":
                self.rules[key] = json.loads(body)
        self.answer(client, 200, {}, "")
        return True

    def exchange(self, client):
        head = client.head()
        method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
        if target.startswith("/-/"):
            return self.control(client, head, method, target)
        rule = self.rule(method, target)
        effect = rule["effect"]
        if effect == "reset":
            client.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if effect == "hang":
            time.sleep(3600)
        if effect == "hold":
            self.wait(rule)
        expects = (field(head, b"expect") or b"").lower() == b"100-continue"
        if effect == "status":
            if not expects:
                for _ in self.body(client, head):
                    pass
            body = "" if method == "HEAD" else rule.get("body", "")
            self.answer(client, rule["status"], rule.get("headers", {}), body, close=expects)
            return not expects
        if effect == "praise":
            self.answer(client, 200, {"ETag": '"praise"'}, "", close=True)
            client.peer.shutdown(socket.SHUT_WR)
            while client.some(1 << 16):
                pass
            return False
        if effect == "echo":
            if expects:
                client.peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            for _ in self.body(client, head):
                pass
            self.answer(client, 200, self.echo(head), "")
            return True
        return self.forward(client, head, method, target, rule)

    @staticmethod
    def echo(head):
        """The digests of a request as if they were those of the reply."""
        md5 = field(head, b"content-md5")
        headers = {"ETag": f'"{base64.b64decode(md5).hex()}"' if md5 else '"kept"'}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower().startswith(b"x-amz-checksum-"):
                headers[name.decode()] = value.strip().decode()
        return headers

    def forward(self, client, head, method, target, rule):
        effect = rule["effect"]
        if (field(head, b"expect") or b"").lower() == b"100-continue":
            client.peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = without(head, b"expect")
        with socket.create_connection(self.upstream) as server:
            server.sendall(head)
            body = self.upload(client, head, server, effect)
            if method == "PUT" and "?" not in target and body is not None:
                self.kept[target] = body
            upstream = Connection(server)
            reply = upstream.head()
            while reply.split(b" ", 2)[1].startswith(b"1"):
                reply = upstream.head()
            status = int(reply.split(b" ", 2)[1])
            if method == "MOVE" and status in (201, 204):
                self.move(target, field(head, b"destination") or b"")
            parts = [] if method == "HEAD" or status in (204, 304) else pieces(
                upstream, reply, rule["bytes"] if effect == "trickle" else 1 << 16, until_close=True)
            return self.reply(client, head, method, target, rule, status, reply, parts)

    def move(self, target, destination):
        """What was uploaded under one name has another one from now on; chunks become one file."""
        place = re.sub(r"^[a-z]+://[^/]*", "", destination.decode("latin-1"))
        if target.endswith("/.file"):
            folder = target.removesuffix(".file")
            parts = [self.kept.pop(each) for each in sorted(self.kept) if each.startswith(folder)]
            self.kept[place] = b"".join(parts)
        elif target in self.kept:
            self.kept[place] = self.kept.pop(target)

    def upload(self, client, head, server, effect):
        """Passes the body of a request on; gives it back where it is not too long."""
        length = int(field(head, b"content-length") or 0)
        kept, left = [] if length <= LONGEST_KEPT else None, length
        for piece in self.body(client, head):
            left -= len(piece)
            if effect == "alter" and left == 0 and piece:
                piece = piece[:-1] + bytes([piece[-1] ^ 1])
            if kept is not None:
                kept.append(piece)
            server.sendall(piece)
        return None if kept is None else b"".join(kept)

    def reply(self, client, head, method, target, rule, status, reply, parts):
        effect = rule["effect"]
        if effect == "drop":
            for _ in parts:
                pass
            return False
        if effect == "strip":
            reply = without(reply, rule["field"].lower().encode())
        if effect == "unannounced" and status in (200, 206):
            data = decoded(reply, parts)
            bare = without(reply, b"content-length", b"transfer-encoding", b"connection", b"content-range")
            client.peer.sendall(bare[:-2] + b"Connection: close\r\n\r\n" + data[:rule["bytes"]])
            return False
        if effect in ("halve", "again", "hollow", "gzip", "unmeasured"):
            parts = [self.changed(effect, decoded(reply, parts))]
            reply = without(reply, b"content-length", b"transfer-encoding")[:-2]
            if effect == "gzip":
                reply = without(reply, b"content-range") + b"Content-Encoding: gzip\r\n"
            reply += f"Content-Length: {len(parts[0])}\r\n\r\n".encode()
        asked = field(head, b"range")
        if effect in ("whole", "shift") and status == 206 and asked and target in self.kept:
            for _ in parts:
                pass
            reply, parts = self.other_range(effect, reply, asked, self.kept[target])
        client.peer.sendall(reply)
        left = rule["bytes"] if effect == "cut" else 1 << 62
        before = rule["bytes"] if effect == "pause" else 1 << 62
        for piece in parts:
            if len(piece) > before:
                client.peer.sendall(piece[:before])
                self.wait(rule)
                piece, before = piece[before:], 1 << 62
            before -= len(piece)
            client.peer.sendall(piece[:left])
            left -= len(piece)
            if left <= 0:
                return False
            if effect == "trickle":
                time.sleep(0.1)
        return field(reply, b"content-length") is not None or method == "HEAD" or status in (204, 304)

    def changed(self, effect, data):
        """The body of a reply as it goes on."""
        if effect == "halve":
            return data[:len(data) // 2]
        if effect == "gzip":
            return gzip.compress(data)
        if effect == "unmeasured":
            return re.sub(rb"<(?:\w+:)?getcontentlength[^>]*>\d+</[^>]*>", b"", data)
        data = re.sub(rb"<NextContinuationToken>.*?</NextContinuationToken>", b"", data)
        if effect == "hollow":
            data = re.sub(rb"<Contents>.*</Contents>", b"", data, flags=re.DOTALL)
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{next(self.numbers)}</NextContinuationToken>"
        return re.sub(rb"<IsTruncated>.*?</IsTruncated>", more.encode(), data)

    @staticmethod
    def other_range(effect, reply, asked, data):
        """All of an object, or a part that begins one byte later than was asked for."""
        reply = without(reply, b"content-length", b"transfer-encoding", b"content-range")
        if effect == "whole":
            reply = b"HTTP/1.1 200 OK\r\n" + reply.split(b"\r\n", 1)[1]
        else:
            first, _, last = asked.removeprefix(b"bytes=").partition(b"-")
            start = min(int(first) + 1, len(data) - 1)
            end = min(int(last) + 1 if last else len(data), len(data) - 1)
            reply = reply[:-2] + f"Content-Range: bytes {start}-{end}/{len(data)}\r\n\r\n".encode()
            data = data[start:end + 1]
        return reply[:-2] + f"Content-Length: {len(data)}\r\n\r\n".encode(), [data]

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
