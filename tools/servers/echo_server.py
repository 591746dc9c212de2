"""An S3 service that gives back in its answers whatever it was sent and whatever it was told, and a proxy that does so too.

usage: echo_server.py

It prints its port. No signature is checked. A bucket's name has two parts, `e403-name`: the first says how requests for it are answered.
  works      objects are kept in memory; the echo stands in headers
  e403 …     an XML error with that status, and a message full of the echo
  odd400 …   the same under a code that nobody knows; code400 … under a code that is the echo
  json500 …  a JSON error; text400 … plain text; html502 … a web page; empty401 … headers alone
  moved301   a redirect to a place whose name is the echo
  reason503  an echo in the reason phrase
A request whose target begins with http:// came to a proxy; a bucket `p407…` is refused by that proxy.
GET /-/log answers with everything that was sent, GET /-/bodies with the bodies alone. POST /-/tell takes what the
service knows besides, a line `name TAB text` for each; a name `*` is for all.
"""

import base64
import hashlib
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

MOST = 60_000

objects, log, bodies, known, lock = {}, [], [], [], threading.Lock()


def rotated(items, count):
    """The same, begun elsewhere: what is cut at some length is cut elsewhere each time."""
    items = list(items)
    start = count % max(1, len(items))
    return items[start:] + items[:start]


def forms(text):
    """A text in the forms in which services write it."""
    data = text.encode("utf-8", "surrogateescape")
    yield text
    yield urllib.parse.quote(data, safe="")
    yield "".join(f"%{byte:02x}" for byte in data)
    yield "".join(f"%{byte:02X}" for byte in data)
    yield base64.b64encode(data).decode()
    yield base64.urlsafe_b64encode(data).decode().rstrip("=")
    yield base64.b64encode(b"x" + data).decode()
    yield base64.b64encode(b"xy" + data).decode()
    yield json.dumps(text)
    yield "".join(f"\\u{ord(each):04x}" for each in text)
    yield escape(text, {'"': "&quot;", "'": "&apos;"})
    yield "".join(f"&#{ord(each)};" for each in text)
    yield "".join(f"&#x{ord(each):X};" for each in text)
    yield data.hex()
    yield data.hex().upper()
    yield text.upper()
    yield text.lower()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, ValueError, OSError):
            self.close_connection = True

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        if self.path == "/-/log":
            with lock:
                return self.reply(200, {}, "\n".join(log).encode("utf-8", "surrogateescape"))
        if self.path == "/-/bodies":
            with lock:
                return self.reply(200, {}, b"\n".join(bodies))
        if self.path == "/-/tell":
            known[:] = [line.split("\t", 1) for line in self.body.decode().split("\n") if "\t" in line]
            return self.reply(200, {}, b"")
        sent = [self.command, self.path] + [f"{key}: {value}" for key, value in self.headers.items()]
        with lock:
            log.append("\n".join(sent + [self.body.decode("latin-1")]))
            bodies.append(self.body)
            self.count = len(log)
        url = urllib.parse.urlsplit(self.path)
        parts = urllib.parse.unquote(url.path).lstrip("/").split("/", 1)
        self.bucket, self.key = parts[0], parts[1] if len(parts) > 1 else ""
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        name = self.bucket.partition("-")[2]
        self.told = [text for whose, text in known if whose in ("*", name)]
        self.echo = self.everything()
        self.answer()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_CONNECT = serve

    def everything(self):
        values = rotated(self.told, self.count) + [self.path] + list(self.headers.values())
        for header in ("Authorization", "Proxy-Authorization"):
            value = self.headers.get(header) or ""
            if value.startswith("Basic "):
                values.append(base64.b64decode(value[6:]).decode("latin-1"))
        values += [value for value in self.query.values()]
        text = " ".join(form for value in values for form in rotated(forms(value), self.count))
        return text[:MOST]

    def reply(self, status, headers, body, reason=None):
        self.send_response(status, reason)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def header_forms(self):
        return [form for text in rotated(self.told, self.count) for form in rotated(forms(text), self.count)]

    def header_echo(self):
        return re.sub(r"[^\x21-\x7e ]", "", " ".join(self.header_forms()))[:6000]

    def answer(self):
        kind = re.match(r"([a-z]*)(\d*)", self.bucket)
        word, status = kind[1], int(kind[2] or 500)
        headers = {"x-amz-request-id": self.header_echo()[:2000], "Server": self.header_echo()[:2000]}
        if word == "works" and self.command != "CONNECT":
            return self.work(headers)
        if word == "p" and (self.path.startswith("http://") or self.command == "CONNECT"):
            headers["Proxy-Authenticate"] = "Basic realm=" + json.dumps(self.header_echo()[:2000])
            return self.reply(status, headers, self.echo.encode("utf-8", "replace"))
        body = {
            "json": json.dumps({"error": {"code": self.echo[:500], "message": self.echo}}),
            "text": self.echo,
            "html": f"<html><body><h1>{escape(self.echo)}</h1></body></html>",
            "empty": "",
            "odd": self.xml("TheServiceIsTired", self.echo),
            "code": self.xml(re.sub(r"[^A-Za-z0-9]", "", self.echo)[:200], "It failed."),
        }.get(word, self.xml("AccessDenied" if status == 403 else "InternalError", self.echo))
        if word == "moved":
            headers["Location"] = "http://127.0.0.1:1/" + urllib.parse.quote(self.echo[:3000])
        reason = self.header_echo()[:3000] if word == "reason" else None
        self.reply(status, headers, body.encode("utf-8", "replace"), reason)

    def xml(self, code, message):
        return (
            f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(message)}</Message>"
            f"<Resource>{escape(self.path)}</Resource><RequestId>{escape(message[:3000])}</RequestId></Error>"
        )

    def work(self, headers):
        with lock:
            kept = objects.setdefault(self.bucket, {})
        etag = lambda data: '"%s"' % hashlib.md5(data).hexdigest()
        if not self.key:
            prefix = self.query.get("prefix", "")
            rows = "".join(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>{escape(etag(data))}</ETag>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                for key, data in sorted(kept.items())
                if key.startswith(prefix)
            )
            text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
            return self.reply(200, headers | {"Content-Type": "application/xml"}, text.encode())
        if self.command == "PUT":
            kept[self.key] = self.body
            return self.reply(200, headers | {"ETag": etag(self.body)}, b"")
        if self.command == "DELETE":
            kept.pop(self.key, None)
            return self.reply(204, headers, b"")
        if self.key not in kept:
            return self.reply(404, headers, self.xml("NoSuchKey", self.echo).encode("utf-8", "replace"))
        data = kept[self.key]
        headers["ETag"] = etag(data)
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return self.reply(200, headers, data)
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return self.reply(206, headers, data[first : last + 1])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
