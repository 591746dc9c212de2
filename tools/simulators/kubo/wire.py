"""HTTP/1.1 as Kubo speaks it: a request whose body is read only as far as it is wanted, a reply with trailers."""

import socket
import struct

LONGEST_HEAD = 1 << 16
MOST_DRAINED = 256 << 10
ALLOWED = "X-Stream-Output, X-Chunked-Output, X-Content-Length"


class Broken(Exception):
    """The connection is to be closed without another word; with a reset, where that is wanted."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset


class Peer:
    """A socket with a buffer in front."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, bytearray()

    def more(self):
        data = self.connection.recv(1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def until(self, mark):
        while (place := self.buffer.find(mark)) < 0:
            if len(self.buffer) > LONGEST_HEAD:
                raise EOFError
            self.more()
        data = bytes(self.buffer[:place])
        del self.buffer[:place + len(mark)]
        return data

    def some(self, most):
        if not self.buffer:
            self.more()
        data = bytes(self.buffer[:most])
        del self.buffer[:most]
        return data

    def send(self, data):
        self.connection.sendall(data)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Request:
    def __init__(self, peer, head):
        self.peer = peer
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.protocol = lines[0].split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.setdefault(name.strip().lower(), value.strip())
        self.body = Body(peer, self.headers)

    @property
    def closes(self):
        return self.headers.get("connection", "").lower() == "close" or self.protocol == "HTTP/1.0"


class Body:
    """The body of a request. Nothing is read before it is asked for; `done` says whether its end was seen."""

    def __init__(self, peer, headers):
        self.peer, self.taken = peer, 0
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.left = 0 if self.chunked else int(headers.get("content-length") or 0)
        self.done = not self.chunked and self.left == 0
        self.asks = headers.get("expect", "").lower() == "100-continue"

    def read(self, most=1 << 16):
        """Some bytes, or none at the end."""
        if self.done:
            return b""
        if self.asks:
            self.asks = False
            self.peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.chunked and self.left == 0:
            self.left = int(self.peer.until(b"\r\n").split(b";")[0], 16)
            if self.left == 0:
                while self.peer.until(b"\r\n"):
                    pass
                self.done = True
                return b""
        data = self.peer.some(min(self.left, most))
        self.left -= len(data)
        self.taken += len(data)
        if self.left == 0:
            if self.chunked:
                self.peer.until(b"\r\n")
                if self.peer.buffer[:5] == b"0\r\n\r\n":
                    del self.peer.buffer[:5]
                    self.done = True
            else:
                self.done = True
        return data


class Part:
    def __init__(self, headers, pieces):
        self.headers, self.pieces, self.buffer, self.at = headers, pieces, b"", 0

    def read(self):
        """Some bytes, or none at the end."""
        data = self.buffer[self.at:] if self.at else self.buffer
        self.buffer, self.at = b"", 0
        return data or next(self.pieces, b"")

    def whole(self):
        return b"".join(iter(self.read, b""))

    def exactly(self, count):
        """So many bytes, or fewer at the end."""
        if len(self.buffer) - self.at < count:
            gathered = [self.buffer[self.at:]]
            size = len(gathered[0])
            while size < count and (piece := next(self.pieces, b"")):
                gathered.append(piece)
                size += len(piece)
            self.buffer, self.at = b"".join(gathered), 0
        data = self.buffer[self.at:self.at + count]
        self.at += len(data)
        return data


class BadMultipart(Exception):
    pass


def parts(body, boundary):
    """The parts of a multipart body, each to be read before the next one is asked for."""
    buffer = bytearray(b"\r\n")
    mark = b"\r\n--" + boundary

    def fill():
        data = body.read()
        if not data:
            raise BadMultipart("multipart: NextPart: unexpected EOF")
        buffer.extend(data)

    def content():
        while True:
            place = buffer.find(mark)
            if place >= 0:
                if place:
                    yield bytes(buffer[:place])
                del buffer[:place + len(mark)]
                return
            safe = len(buffer) - len(mark)
            if safe > 0:
                yield bytes(buffer[:safe])
                del buffer[:safe]
            fill()

    for _ in content():
        pass
    while True:
        while len(buffer) < 2:
            fill()
        if buffer[:2] == b"--":
            while body.read():
                pass
            return
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            fill()
        headers = {}
        for line in buffer[:end].decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        del buffer[:end + 4]
        # What follows the headers may be the next boundary at once.
        buffer[:0] = b"\r\n"
        first = content()
        part = Part(headers, _without_start(first))
        yield part
        while part.read():
            pass


def _without_start(pieces):
    """The content of a part without the line end that was put before it."""
    skip = 2
    for piece in pieces:
        piece, skip = piece[skip:], max(0, skip - len(piece))
        if piece:
            yield piece


class Reply:
    """One reply. What was begun is finished with its trailers, or is cut."""

    def __init__(self, request):
        self.request, self.peer = request, request.peer
        self.started = self.finished = False
        self.closes = request.closes
        self.fault = None
        self.mute = False
        self.sent = 0

    def plain(self, status, text, headers=()):
        """What Go's own server answers, outside of any command."""
        data, body = text.encode(), self.request.body
        self.closes = self.closes or not body.done and (body.asks or body.left > MOST_DRAINED)
        lines = sorted([*headers, ("Content-Type", "text/plain; charset=utf-8"), ("Vary", "Origin"),
                        ("X-Content-Type-Options", "nosniff")])
        lines.append(("Content-Length", str(len(data))))
        if self.closes:
            lines.append(("Connection", "close"))
        self.started = self.finished = True
        self._head(status, lines, data)

    def start(self, status=200, content_type="application/json", headers=()):
        """Begins a chunked reply. Kubo gives up the connection where it answers before it has read the body."""
        lines = [("Access-Control-Allow-Headers", ALLOWED), ("Access-Control-Expose-Headers", ALLOWED),
                 ("Content-Type", content_type), ("Server", "kubo/0.42.0"), ("Trailer", "X-Stream-Error"),
                 ("Vary", "Origin"), *headers]
        early = not self.request.body.done
        if early:
            lines.append(("Connection", "close"))
        lines.sort()
        if self.closes and not early:
            lines.append(("Connection", "close"))
        self.closes = self.closes or early
        lines.append(("Transfer-Encoding", "chunked"))
        self.started = True
        self._head(status, lines)

    def _head(self, status, lines, data=b""):
        words = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
                 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}
        head = [f"HTTP/1.1 {status} {words.get(status, 'Status')}", *(f"{name}: {value}" for name, value in lines)]
        self._send("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + data)

    def _send(self, data):
        if not self.mute:
            self.peer.send(data)

    def chunk(self, data):
        if not data:
            return
        if self.fault is not None:
            data = self.fault(self, data)
        self.sent += len(data)
        self._send(b"%x\r\n%s\r\n" % (len(data), data))

    def finish(self, error=None):
        self.finished = True
        trailer = b""
        if error is not None:
            trailer = b"X-Stream-Error: " + error.replace("\n", " ").encode("utf-8", "replace") + b"\r\n"
        self._send(b"0\r\n" + trailer + b"\r\n")

    def drain(self):
        """Takes the rest of the body as far as Go's server does; says whether the connection can be used again."""
        body = self.request.body
        if body.asks:
            return body.done
        limit = body.taken + MOST_DRAINED
        while not body.done and body.taken < limit:
            body.read()
        return body.done
