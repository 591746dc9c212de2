"""add, cat, get and ls: files and folders as UnixFS."""

import stat
import time
import urllib.parse
import zlib
from email.message import Message as Header

import tar
import unixfs
from commands_blocks import hash_code, pin_all
from errors import Failure
from multiformats import DAG_PB, RAW, SHA2_256
from node import command
from unixfs import DIRECTORY, FILE, HAMT_SHARD, SYMLINK, Maker

PRELOADED = 10
PROGRESS_STEP = 262144
LONGEST_INLINE = 128


# --- add -------------------------------------------------------------------------------------------------------------

class Folder:
    """A folder that is being added."""

    def __init__(self, mode=None, mtime=None):
        self.entries, self.mode, self.mtime = {}, mode, mtime

    def folder(self, names):
        this = self
        for name in names:
            this = this.entries.setdefault(name, Folder())
            if not isinstance(this, Folder):
                raise Failure("not a directory")
        return this


class Adding:
    def __init__(self, call):
        self.call = call
        code = hash_code(call, "hash")
        self.inline = call.option("inline-limit", 32) if call.option("inline", False) else None
        if self.inline is not None and self.inline > LONGEST_INLINE:
            raise Failure(f"inline-limit {self.inline} exceeds maximum allowed size of {LONGEST_INLINE} bytes")
        self.code, self.only_hash = code, call.option("only-hash", False)
        self.wrap = call.option("wrap-with-directory", False)
        self.maker = None

    def make_maker(self):
        """The options are looked at when the first file has come, as Kubo does."""
        call, version = self.call, self.call.option("cid-version")
        if self.code != SHA2_256:
            if version == 0:
                raise Failure("CIDv0 only supports sha2-256")
            version = 1
        self.fixed_mode, self.fixed_mtime = call.option("mode", 0) or None, call.option("mtime", 0) or None
        if self.fixed_mtime is not None:
            self.fixed_mtime = (self.fixed_mtime, call.option("mtime-nsecs", 0))
        raw = call.option("raw-leaves")
        if self.fixed_mode or self.fixed_mtime or call.option("preserve-mode") or call.option("preserve-mtime"):
            if raw:
                raise Failure("options 'preserve-mode', 'preserve-mtime', 'mode', 'mtime' cannot be used with "
                              "'raw-leaves'")
            raw = False
        self.size = unixfs.chunk_size(call.option("chunker", ""))
        keep = (lambda cid, data: None) if self.only_hash else call.store.put
        self.maker = Maker(keep, version or 0, self.code, raw, self.inline, call.option("trickle", False),
                           call.option("max-file-links", 174), call.option("max-hamt-fanout", 256))

    # --- what is told of the parts ---

    def described(self, part):
        """Names, mode and time of a part."""
        header = Header()
        header["Content-Disposition"] = part.headers.get("content-disposition", "form-data")
        name = header.get_param("filename", "", "content-disposition")
        names = [each for each in urllib.parse.unquote(name if isinstance(name, str) else name[2]).split("/") if each]
        told = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(
            header.get_param("name", "", "content-disposition")).query))
        mode, mtime = self.fixed_mode, self.fixed_mtime
        if self.call.option("preserve-mode", False) and "mode" in told:
            mode = int(told["mode"], 8) & 0o7777
        if self.call.option("preserve-mtime", False) and "mtime" in told:
            mtime = (int(told["mtime"]), int(told.get("mtime-nsecs", 0)))
        return names, mode or None, mtime

    def chunks(self, part, name):
        done = told = 0
        while True:
            chunk = part.exactly(self.size)
            done += len(chunk)
            if self.call.option("progress", False) and (done - told >= PROGRESS_STEP or len(chunk) < self.size):
                told = done
                self.call.emit({"Name": name, "Bytes": done})
            if not chunk:
                return
            yield chunk
            if len(chunk) < self.size:
                return

    def tell(self, name, made, mode=None, mtime=None):
        if self.call.option("silent", False):
            return
        event = {"Name": name, "Hash": self.call.encode(made.cid), "Size": str(made.total)}
        if mode:
            event["Mode"] = f"{mode:04o}"
        if mtime:
            event["Mtime"] = mtime[0]
            if mtime[1]:
                event["MtimeNsecs"] = mtime[1]
        self.call.emit(event)

    # --- the work ---

    def run(self):
        top = Folder()
        for part in self.call.parts():
            if self.maker is None:
                self.make_maker()
            names, mode, mtime = self.described(part)
            kind = part.headers.get("content-type", "application/octet-stream").split(";")[0]
            if kind in ("application/x-directory", "text/directory"):
                folder = top.folder(names)
                folder.mode, folder.mtime = mode, mtime
                continue
            self.one(part, kind, names, mode, mtime, top)
        if self.maker is None:
            return
        if self.wrap:
            self.root(top, "")
            return
        for name, entry in top.entries.items():
            if isinstance(entry, Folder):
                self.root(entry, name)

    def one(self, part, kind, names, mode, mtime, top):
        path = "/".join(names)
        if kind == "application/symlink":
            made = self.maker.symlink(part.whole(), mtime)
            mode = None
        else:
            made = self.maker.file(self.chunks(part, path), mode, mtime)
        if len(names) > 1 or self.wrap:
            top.folder(names[:-1]).entries[names[-1] if names else str(made.cid)] = made
            self.tell(path, made, mode, mtime)
            return
        # Kubo holds a file that stands alone in a folder of its own, which stays behind.
        self.maker.directory({})
        self.maker.directory({str(made.cid).encode(): made})
        self.tell(path or str(made.cid), made, mode, mtime)
        self.finish(made, path)

    def root(self, folder, name):
        told = []
        self.maker.directory({})
        made = self.make(folder, name, told)
        for event in told:
            self.tell(*event)
        self.finish(made, name)

    def make(self, folder, path, told):
        entries = {}
        for name, entry in sorted(folder.entries.items(), key=lambda each: each[0].encode()):
            made = self.make(entry, f"{path}/{name}" if path else name, told) if isinstance(entry, Folder) else entry
            entries[name.encode()] = made
        made = self.maker.directory(entries, folder.mode, folder.mtime)
        told.append((path, made, folder.mode, folder.mtime))
        return made

    def finish(self, made, name):
        if self.only_hash:
            return
        if self.call.option("pin", True):
            pin_all(self.call, made.cid, self.call.option("pin-name", ""))
            self.call.node.faults.pinned(self.call, made.cid)
        target = self.call.option("to-files")
        if target is not None:
            if target.endswith("/"):
                target += name
            # Kubo writes the new root no sooner than something else asks for it.
            self.call.node.files.put(target, made.cid, later=True)


@command("add", file="path", options={
    "quiet": (bool, "q"), "quieter": (bool, "Q"), "silent": bool, "progress": (bool, "p"), "trickle": (bool, "t"),
    "only-hash": (bool, "n"), "wrap-with-directory": (bool, "w"), "chunker": (str, "s"), "raw-leaves": bool,
    "cid-version": int, "hash": str, "inline": bool, "inline-limit": int, "pin": bool, "pin-name": str,
    "to-files": str, "preserve-mode": bool, "preserve-mtime": bool, "mode": int, "mtime": int, "mtime-nsecs": int,
    "max-file-links": int, "max-directory-links": int, "max-hamt-fanout": int, "nocopy": bool, "fscache": bool,
    "empty-dirs": bool})
def add(call):
    name = call.option("pin-name", "")
    if len(name.encode()) > 255:
        raise Failure(f"pin name is {len(name.encode())} bytes (max 255 bytes)")
    for option in ("max-directory-links", "nocopy", "fscache"):
        if call.option(option):
            raise Failure(f"the simulator does not have {option}")
    if not call.option("empty-dirs", True):
        raise Failure("the simulator does not have empty-dirs=false")
    adding = Adding(call)
    with call.store.pin_lock.shared():
        adding.run()


# --- cat -------------------------------------------------------------------------------------------------------------

def file_item(call, cid):
    this = unixfs.item(cid, call.store.get(cid))
    if this.kind in (DIRECTORY, HAMT_SHARD):
        raise Failure("this dag node is a directory")
    if this.kind == SYMLINK:
        raise Failure("can't Read() on a symlink")
    return this


def whole_leaves(call, cid, offset, length):
    """The pieces of a file. Kubo gets ten children ahead, and sends nothing of them when one is missing."""
    store, end = call.store, offset + length

    def walk(cid, start):
        this = unixfs.item(cid, store.get(cid))
        data = store.get(cid) if this.message is None else this.message.data or b""
        piece = data[max(offset - start, 0):max(end - start, 0)]
        if piece:
            yield piece
        place, wanted = start + len(data), []
        for link, size in zip(this.links, this.message.sizes if this.message else ()):
            if place + size > offset:
                wanted.append((link.cid, place))
            place += size
        for index, (child, place) in enumerate(wanted):
            if place >= end:
                return
            ahead = wanted[index:index + PRELOADED] if index % PRELOADED == 0 else []
            if not all(store.has(each) for each, _ in ahead):
                if any(call.node.faults.has("search", call) for _ in ahead):
                    for each, _ in ahead:
                        store.get(each)
                raise Failure("failed to fetch all nodes")
            yield from walk(child, place)

    if length > 0:
        yield from walk(cid, 0)


@command("cat", ["ipfs-path+"], {"offset": (int, "o"), "length": (int, "l"), "progress": (bool, "p")})
def cat(call):
    offset, length = call.option("offset", 0), call.option("length", -1)
    if offset < 0:
        raise Failure("cannot specify negative offset")
    if "length" in call.given and length < 0:
        raise Failure("cannot specify negative length")
    left, wanted = length if "length" in call.given else None, []
    for text in call.arguments:
        cid = call.file(text)
        size = file_item(call, cid).size
        if offset >= size and offset:
            offset -= size
            continue
        count = size - offset if left is None else min(left, size - offset)
        wanted.append((cid, offset, count))
        offset = 0
        if left is not None:
            left -= count
            if left == 0:
                break
    call.stream(length=sum(count for _, _, count in wanted))
    for cid, start, count in wanted:
        for piece in whole_leaves(call, cid, start, count):
            call.reply.chunk(piece)


# --- get -------------------------------------------------------------------------------------------------------------

def archived(call, cid, path, pax):
    """The pieces of a tar with what is under a path."""
    this = unixfs.item(cid, call.store.get(cid))
    message = this.message
    mode = message.mode if message else None
    mtime = message.mtime if message and message.mtime else divmod(time.time_ns(), 1000000000)
    if this.kind in (DIRECTORY, HAMT_SHARD):
        yield from tar.entry(path, b"5", mode or 0o755, 0, mtime, b"", pax)
        for name, link in unixfs.entries(call.store.get, cid):
            yield from archived(call, link.cid, f"{path}/{name.decode('utf-8', 'replace')}", pax)
    elif this.kind == SYMLINK:
        yield from tar.entry(path, b"2", 0o777, 0, mtime, message.data or b"", pax)
    else:
        pieces = whole_leaves(call, cid, 0, this.size)
        first = next(pieces, b"")
        yield from tar.entry(path, b"0", mode or 0o644, this.size, mtime, b"", pax)
        yield first
        yield from pieces
        yield bytes(-this.size % 512)


def in_pieces(pieces, size=4096):
    """The same bytes, so many at a time."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


def gzipped(pieces, level):
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


@command("get", ["ipfs-path"], {"output": (str, "o"), "archive": (bool, "a"), "compress": (bool, "C"),
                                "compression-level": (int, "l"), "progress": (bool, "p")})
def get(call):
    text = call.arguments[0]
    cid = call.file(text)
    this = unixfs.item(cid, call.store.get(cid))
    folder = this.kind in (DIRECTORY, HAMT_SHARD)
    size = unixfs.total_size(cid, call.store.get(cid)) if folder else this.size
    compress = call.option("compress", False)
    name = [part for part in text.split("/") if part][-1]
    if compress and not folder and not call.option("archive", False):
        pieces = whole_leaves(call, cid, 0, this.size)
    else:
        def all_of_it():
            yield from archived(call, cid, name, not compress)
            yield bytes(1024)
        pieces = all_of_it()
    if compress:
        level = call.option("compression-level", -1)
        if not -1 <= level <= 9:
            raise Failure("compression level must be between 1 and 9")
        pieces = gzipped(pieces, level)
    call.stream("application/gzip" if compress else "application/x-tar", size)
    for piece in in_pieces(pieces):
        call.reply.chunk(piece)


# --- ls --------------------------------------------------------------------------------------------------------------

def listed(call, name, link):
    """A row of `ls`."""
    types, sizes = call.option("resolve-type", True), call.option("size", True)
    row = {"Name": name.decode("utf-8", "replace"), "Hash": call.encode(link.cid), "Size": 0, "Type": 0, "Target": "",
           "Mode": 0, "ModTime": "0001-01-01T00:00:00Z"}
    if link.cid.codec == RAW:
        row.update(Size=link.size or 0, Type=2)
    elif link.cid.codec == DAG_PB and (types or sizes):
        this = unixfs.item(link.cid, call.store.get(link.cid))
        row["Type"] = {DIRECTORY: 1, HAMT_SHARD: 1, FILE: 2, SYMLINK: 4}.get(this.kind, 0)
        row["Size"] = 0 if row["Type"] == 1 else this.size
        if this.kind == SYMLINK:
            row["Target"] = (this.message.data or b"").decode("utf-8", "replace")
        if this.message.mode:
            row["Mode"] = stat.S_IMODE(this.message.mode)
        if this.message.mtime:
            seconds, nanoseconds = this.message.mtime
            fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
            row["ModTime"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"
    return row


@command("ls", ["ipfs-path+"], {"headers": (bool, "v"), "resolve-type": bool, "size": bool, "stream": (bool, "s"),
                                "long": (bool, "l")})
def ls(call):
    stream, objects = call.option("stream", False), []
    for text in call.arguments:
        cid = call.file(text)
        rows = []
        if unixfs.item(cid, call.store.get(cid)).kind in (DIRECTORY, HAMT_SHARD):
            for name, link in unixfs.entries(call.store.get, cid):
                rows.append(listed(call, name, link))
                if stream:
                    call.emit({"Objects": [{"Hash": text, "Links": rows[-1:]}]})
        objects.append({"Hash": text, "Links": rows})
    if not stream:
        call.once({"Objects": objects})
