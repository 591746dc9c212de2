"""A node: what it keeps, the commands it has, and one call of a command."""

import json
import re
import secrets
import threading
import time
import urllib.parse

import unixfs
from errors import Failure, Refusal
from faults import Faults
from ipld import value_of
from mfs import MFS
from multiformats import (CID, DAG_PB, ENCODERS, IDENTITY, LIBP2P_KEY, RAW, Malformed, multihash, parse_cid)
from store import Missing, Store
from wire import BadMultipart, parts


class Command:
    def __init__(self, run, arguments, options, needs_file):
        self.run, self.arguments, self.options, self.needs_file = run, arguments, options, needs_file


COMMANDS = {}
SHARED = {"timeout": str, "cid-base": str, "upgrade-cidv0-in-output": bool, "offline": bool, "encoding": str,
          "stream-channels": bool, "local": bool, "debug": bool}
ALIASES = {"enc": "encoding", "L": "local", "D": "debug"}


def command(path, arguments=(), options=None, file=None):
    """Declares a command. An argument may end in `?`, `*` or `+`; an option is its type, or a pair with an alias."""
    def keep(run):
        COMMANDS[path] = Command(run, arguments, options or {}, file)
        return run
    return keep


def compact(value):
    """JSON as Go's encoder writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "surrogateescape")


def duration(text):
    """Seconds of a Go duration such as 1m30s."""
    units = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
    found = re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise Failure(f'time: invalid duration "{text}"')
    return sum(float(number) * units[unit] for number, unit in found)


def new_key():
    """A key as a node would have it: random bytes in place of a real public key."""
    public = b"\x08\x01\x12\x20" + secrets.token_bytes(32)
    return CID(1, LIBP2P_KEY, multihash(IDENTITY, public)), public


class Node:
    def __init__(self, folder=None, authorization=None, origins=()):
        self.folder = folder or "/nowhere/.ipfs"
        self.store = Store(folder)
        self.authorization, self.origins = authorization, set(origins)
        self.faults = Faults(self)
        self.requests, self.lock = [], threading.Lock()
        self.call = threading.local()
        self.store.on_missing = self.search
        values = self.store.values
        if "keys" not in values:
            values.update(keys={"self": new_key()[0].text("base36")}, names={}, services={}, remote=[],
                          files=str(next(iter(self.store.pins))))
            self.store.save()
        self.files = MFS(self.store)

    def search(self, cid):
        """What a node does for a block that is not here; one that is offline says so at once."""
        call = getattr(self.call, "current", None)
        if call is None or call.offline or not self.faults.has("search", call):
            raise Missing(cid)
        deadline = call.begun + call.timeout if call.timeout else None
        while self.faults.has("search", call) and not self.store.has(cid):
            if deadline and time.monotonic() >= deadline:
                raise Failure("context deadline exceeded")
            time.sleep(0.02)
        if not self.store.has(cid):
            raise Missing(cid)

    @property
    def key(self):
        return parse_cid(self.store.values["keys"]["self"])

    def collect(self):
        """Takes away the blocks that nothing keeps: their CIDs, and what could not be walked."""
        with self.store.pin_lock.exclusive(), self.store.lock:
            keys, problems = self.store.garbage([self.files.root])
            if problems:
                return [], problems
            for key in keys:
                self.store.blocks.remove(key)
            return [CID(1, RAW, key) for key in keys], []


class Call:
    """One call: its arguments and options, its files, and its reply."""

    def __init__(self, node, path, request, reply):
        self.node, self.store, self.path, self.request, self.reply = node, node.store, path, request, reply
        self.command = COMMANDS[path]
        self.begun, self.timeout, self.offline = time.monotonic(), None, False
        query = urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query, keep_blank_values=True)
        self.arguments = [value for name, value in query if name == "arg"]
        self.given = self._options(query)
        self._check_arguments()
        kind = request.headers.get("content-type", "")
        match = re.match(r'multipart/[^;]+;.*boundary="?([^";]+)"?', kind)
        self.boundary = match.group(1).encode() if match else None
        if self.command.needs_file and self.boundary is None:
            raise Refusal(f"file argument '{self.command.needs_file}' is required")
        if "timeout" in self.given:
            self.timeout = duration(self.given["timeout"])
        self.offline = self.option("offline", False)
        self.encode = self._encoder()

    # --- what was asked ---

    def _options(self, query):
        known, aliases = dict(SHARED), dict(ALIASES)
        for name, kind in self.command.options.items():
            if isinstance(kind, tuple):
                kind, alias = kind
                aliases[alias] = name
            known[name] = kind
        given = {}
        for name, value in query:
            long = aliases.get(name, name)
            if name == "arg" or long not in known:
                continue
            kind = known[long]
            try:
                if kind is list:
                    given.setdefault(long, []).append(value)
                else:
                    given[long] = convert(value, kind)
            except ValueError:
                words = {bool: "bool", int: "int64", float: "float"}[kind]
                raise Refusal(f'could not convert value "{value}" to type "{words}" '
                              f'(for option "-{name}")') from None
        return given

    def _check_arguments(self):
        left = len(self.arguments)
        for name in self.command.arguments:
            if name[-1] in "?*":
                left = max(0, left - 1)
            elif left < 1:
                raise Refusal(f'argument "{name.rstrip("+")}" is required')
            else:
                left -= 1

    def option(self, name, otherwise=None):
        return self.given.get(name, otherwise)

    def _encoder(self):
        base = self.option("cid-base")
        if base is not None and base not in ENCODERS:
            raise Failure(f"invalid cid-base: {base}" if base else "cid-base is empty")
        upgrade = self.option("upgrade-cidv0-in-output", base is not None and base != "base58btc")
        return lambda cid: cid.text(base if cid.version or upgrade else None, upgrade)

    def parts(self):
        """The files of the request, as they come."""
        if self.boundary is None:
            return
        try:
            yield from parts(self.request.body, self.boundary)
        except BadMultipart as error:
            raise Failure(str(error)) from None

    # --- paths ---

    def parse(self, text):
        """The CID and the names of a path."""
        path = text
        if not text.startswith("/"):
            try:
                parse_cid(text.split("/")[0])
                path = "/ipfs/" + text
            except Malformed:
                pass
        names = [name for name in path.split("/") if name]
        if not path.startswith("/") or len(names) < 2:
            raise Failure(f"invalid path {json.dumps(text)}: path does not have enough components")
        if names[0] == "ipns":
            return self.parse(self.name(names[1]) + "".join("/" + name for name in names[2:]))
        if names[0] not in ("ipfs", "ipld"):
            raise Failure(f"invalid path {json.dumps(text)}: unknown namespace {json.dumps(names[0])}")
        try:
            return parse_cid(names[1]), names[2:]
        except Malformed as error:
            raise Failure(f"invalid path {json.dumps(text)}: invalid cid: {error}") from None

    def name(self, name):
        """What a name points to; only names of this node's own keys are known."""
        path = self.store.values["names"].get(name)
        if path is not None:
            return path
        try:
            parse_cid(name)
        except Malformed:
            raise Failure(f'DNSLink lookup for "{name}." failed: could not resolve name: DNSLink lookup could not find '
                          "a TXT record (https://docs.ipfs.tech/concepts/dnslink/)") from None
        raise Failure("could not resolve name: record not found")

    def resolve(self, text):
        """The last CID on a path, and the names that are left within its block."""
        cid, names = self.parse(text)
        while names:
            target, names = self._step(cid, names)
            if target is None:
                return cid, names
            cid = target
        return cid, []

    def _step(self, cid, names):
        block = self.store.get(cid)
        if cid.codec == DAG_PB:
            for name, link in unixfs.entries(self.store.get, cid) if self._is_directory(cid, block) else ():
                if name == names[0].encode():
                    return link.cid, names[1:]
            raise Failure(f'no link named "{names[0]}" under {cid}')
        value, left = value_of(cid.codec, block), list(names)
        while left:
            if isinstance(value, dict) and left[0] in value:
                value = value[left[0]]
            elif isinstance(value, list) and left[0].isdigit() and int(left[0]) < len(value):
                value = value[int(left[0])]
            else:
                raise Failure(f'no link named "{left[0]}" under {cid}')
            left.pop(0)
            if isinstance(value, CID):
                return value, left
        return None, names

    @staticmethod
    def _is_directory(cid, block):
        try:
            return unixfs.item(cid, block).kind in (unixfs.DIRECTORY, unixfs.HAMT_SHARD)
        except Malformed:
            return False

    def file(self, text):
        """The CID of a UnixFS node on a path."""
        cid, left = self.resolve(text)
        if left:
            raise Failure(f'no link named "{left[0]}" under {cid}')
        return cid

    # --- the reply ---

    def once(self, value):
        """The one value of a command that has one."""
        self.reply.start()
        self.reply.chunk(compact(value) + b"\n")

    def emit(self, value):
        """A value of a stream, on a line of its own."""
        self.begin()
        self.reply.chunk(compact(value) + b"\n")

    def begin(self):
        if not self.reply.started:
            self.reply.start(headers=[("X-Chunked-Output", "1")])

    def stream(self, content_type="text/plain", length=None):
        """Begins a stream of bytes."""
        headers = [] if length is None else [("X-Content-Length", str(length))]
        self.reply.start(content_type=content_type, headers=[*headers, ("X-Stream-Output", "1")])

    def fail(self, error):
        """Says that the command failed: in the status, or in the trailer where the status is out."""
        if self.reply.started:
            self.reply.finish(str(error))
        else:
            self.fail_early(self.reply, error)

    @staticmethod
    def fail_early(reply, error, status=None):
        code = error.code if isinstance(error, Failure) else 0
        reply.start(status or (error.status if isinstance(error, Failure) else 500))
        reply.chunk(compact({"Message": str(error), "Code": code, "Type": "error"}) + b"\n")
        reply.finish()

    def answer_status(self, fields):
        """Fails as a fault says, before the command does anything."""
        status = fields.get("status", 500)
        if "text" in fields:
            self.reply.plain(status, fields["text"] + "\n", list(fields.get("headers", {}).items()))
        else:
            self.fail_early(self.reply, Failure(fields.get("message", "context canceled")), status)

    def run(self):
        try:
            self.command.run(self)
            trailer = self.node.faults.get("trailer", self)
            if trailer is not None:
                self.begin()
                raise Failure(trailer.get("message", "context canceled"))
        except (Failure, Missing, Malformed) as error:
            self.fail(error)
            return
        self.node.faults.after(self)
        self.begin()
        self.reply.finish()


def convert(value, kind):
    if kind is bool:
        if value in ("", "1", "t", "T", "TRUE", "true", "True"):
            return True
        if value in ("0", "f", "F", "FALSE", "false", "False"):
            return False
        raise ValueError(value)
    if kind is int and not re.fullmatch(r"[+-]?[0-9]+|0x[0-9a-fA-F]+|0o?[0-7]+", value):
        raise ValueError(value)
    if kind is int:
        return int(value, 8 if re.fullmatch(r"0[0-7]+", value) else 0)
    return kind(value)
