"""UnixFS: its messages, the importer of `add`, directories, and reading files."""

import struct
from typing import NamedTuple, Optional

from ipld import Link, Node, decode_pb, encode_pb, proto_bytes, proto_fields, proto_varint
from multiformats import CID, DAG_PB, IDENTITY, RAW, SHA2_256, Malformed, cid_of

RAW_KIND, DIRECTORY, FILE, METADATA, SYMLINK, HAMT_SHARD = range(6)
LARGEST_CHUNK = 2096896
SHARD_THRESHOLD = 262144
MURMUR3 = 0x22


class Message(NamedTuple):
    kind: int
    data: Optional[bytes] = None
    size: Optional[int] = None
    sizes: tuple = ()
    hash_type: Optional[int] = None
    fanout: Optional[int] = None
    mode: Optional[int] = None
    mtime: Optional[tuple] = None

    def encode(self):
        out = b"\x08" + proto_varint(self.kind)
        if self.data is not None:
            out += proto_bytes(2, self.data)
        if self.size is not None:
            out += b"\x18" + proto_varint(self.size)
        for size in self.sizes:
            out += b"\x20" + proto_varint(size)
        if self.hash_type is not None:
            out += b"\x28" + proto_varint(self.hash_type)
        if self.fanout is not None:
            out += b"\x30" + proto_varint(self.fanout)
        if self.mode is not None:
            out += b"\x38" + proto_varint(self.mode)
        if self.mtime is not None:
            seconds, nanoseconds = self.mtime
            inner = b"\x08" + proto_varint(seconds)
            if nanoseconds:
                inner += b"\x15" + struct.pack("<I", nanoseconds)
            out += proto_bytes(8, inner)
        return out


def decode(data):
    fields, sizes = {}, []
    for field, _, value in proto_fields(data):
        if field == 4:
            sizes.append(value)
        elif field == 8:
            inner = {part: content for part, _, content in proto_fields(value)}
            seconds = inner.get(1, 0)
            seconds -= (1 << 64) if seconds >> 63 else 0
            fields[8] = (seconds, struct.unpack("<I", inner[2])[0] if 2 in inner else 0)
        else:
            fields[field] = value
    if 1 not in fields:
        raise Malformed("proto: required field Type not set")
    return Message(fields[1], fields.get(2), fields.get(3), tuple(sizes), fields.get(5), fields.get(6), fields.get(7),
                   fields.get(8))


class Made(NamedTuple):
    """A node that was made: its CID, the bytes of file under it, and the bytes of its blocks."""

    cid: CID
    size: int
    total: int


class Maker:
    """Makes nodes with the options of `add` and gives their blocks to a function."""

    def __init__(self, keep, version=0, code=SHA2_256, raw_leaves=None, inline=None, trickle=False, max_links=174,
                 fanout=256):
        self.keep, self.version, self.code = keep, version, code
        self.raw_leaves = version > 0 if raw_leaves is None else raw_leaves
        self.inline, self.trickle, self.max_links, self.fanout = inline, trickle, max_links, fanout

    def block(self, data, codec):
        if self.inline is not None and len(data) <= self.inline:
            return cid_of(data, codec, 1, IDENTITY)
        cid = cid_of(data, codec, self.version, self.code)
        self.keep(cid, data)
        return cid

    def node(self, message, links=(), size=0):
        block = encode_pb(Node(list(links), message.encode()))
        return Made(self.block(block, DAG_PB), size, len(block) + sum(link.size for link in links))

    # --- files ---

    def leaf(self, chunk, mode=None, mtime=None, kind=FILE):
        if self.raw_leaves:
            return Made(self.block(chunk, RAW), len(chunk), len(chunk))
        return self.node(Message(kind, chunk or None, len(chunk), mode=mode, mtime=mtime), (), len(chunk))

    def inner(self, children, mode=None, mtime=None):
        size = sum(child.size for child in children)
        links = [Link(child.cid, b"", child.total) for child in children]
        return self.node(Message(FILE, None, size, tuple(child.size for child in children), mode=mode, mtime=mtime),
                         links, size)

    def file(self, chunks, mode=None, mtime=None):
        if self.trickle:
            return self._trickle(chunks, mode, mtime)
        level, first = [], None
        for chunk in chunks:
            if first is None and not level:
                first = chunk
                continue
            if first is not None:
                level.append(self.leaf(first))
                first = None
            level.append(self.leaf(chunk))
        if not level:
            return self.leaf(first or b"", mode, mtime)
        while len(level) > 1:
            groups = [level[index:index + self.max_links] for index in range(0, len(level), self.max_links)]
            last = len(groups) == 1
            level = [self.inner(group, mode if last else None, mtime if last else None) for group in groups]
        return level[0]

    def _trickle(self, chunks, mode, mtime):
        leaves = [self.leaf(chunk, kind=RAW_KIND) for chunk in chunks]
        leaves.reverse()

        def fill(deepest, mode=None, mtime=None):
            children = []
            while leaves and len(children) < self.max_links:
                children.append(leaves.pop())
            depth = 1
            while leaves and (deepest < 0 or depth < deepest):
                for _ in range(4):
                    if leaves:
                        children.append(fill(depth))
                depth += 1
            return self.inner(children, mode, mtime)
        return fill(-1, mode, mtime)

    def symlink(self, target, mtime=None):
        return self.node(Message(SYMLINK, target, mtime=mtime))

    # --- directories ---

    def directory(self, entries, mode=None, mtime=None):
        """A directory from names to nodes, sharded where Kubo's default would shard it."""
        estimate = sum(len(name) + len(made.cid.binary) for name, made in entries.items())
        if estimate > SHARD_THRESHOLD:
            return self._shard([(murmur3(name), name, made) for name, made in entries.items()], 0, mode, mtime)
        links = [Link(made.cid, name, made.total) for name, made in sorted(entries.items())]
        return self.node(Message(DIRECTORY, mode=mode, mtime=mtime), links)

    def _shard(self, entries, used, mode=None, mtime=None):
        bits = self.fanout.bit_length() - 1
        width = len(f"{self.fanout - 1:X}")
        if used + bits > 64:
            raise Malformed("sharded directory too deep")
        buckets = {}
        for entry in entries:
            buckets.setdefault(entry[0] >> (64 - used - bits) & (self.fanout - 1), []).append(entry)
        field, links = 0, []
        for index, inside in sorted(buckets.items()):
            field |= 1 << index
            prefix = f"{index:0{width}X}".encode()
            if len(inside) == 1:
                _, name, made = inside[0]
                links.append(Link(made.cid, prefix + name, made.total))
            else:
                made = self._shard(inside, used + bits)
                links.append(Link(made.cid, prefix, made.total))
        links.sort(key=lambda link: link.name)
        message = Message(HAMT_SHARD, field.to_bytes((field.bit_length() + 7) // 8, "big"), None, (), MURMUR3,
                          self.fanout, mode, mtime)
        return self.node(message, links)


def murmur3(data):
    """The first 64 bits of MurmurHash3 x64 128 with seed 0."""
    mask, c1, c2 = (1 << 64) - 1, 0x87C37B91114253D5, 0x4CF5AD432745937F

    def rotate(value, count):
        return (value << count | value >> (64 - count)) & mask

    def finish(value):
        value ^= value >> 33
        value = value * 0xFF51AFD7ED558CCD & mask
        value ^= value >> 33
        value = value * 0xC4CEB9FE1A85EC53 & mask
        return value ^ value >> 33

    h1 = h2 = 0
    whole = len(data) // 16 * 16
    for place in range(0, whole, 16):
        k1, k2 = struct.unpack_from("<QQ", data, place)
        h1 ^= rotate(k1 * c1 & mask, 31) * c2 & mask
        h1 = (rotate(h1, 27) + h2) * 5 + 0x52DCE729 & mask
        h2 ^= rotate(k2 * c2 & mask, 33) * c1 & mask
        h2 = (rotate(h2, 31) + h1) * 5 + 0x38495AB5 & mask
    tail = data[whole:]
    if len(tail) > 8:
        h2 ^= rotate(int.from_bytes(tail[8:], "little") * c2 & mask, 33) * c1 & mask
    if tail:
        h1 ^= rotate(int.from_bytes(tail[:8], "little") * c1 & mask, 31) * c2 & mask
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = h1 + h2 & mask
    h2 = h2 + h1 & mask
    return finish(h1) + finish(h2) & mask


# --- chunks ----------------------------------------------------------------------------------------------------------

def chunk_size(name):
    """The size of chunks that a chunker has, or Malformed with Kubo's words."""
    if name in ("", "default"):
        return 262144
    if not name.startswith("size-"):
        if name == "buzhash" or name.startswith("rabin"):
            raise Malformed(f"the simulator has no chunker {name!r}")
        raise Malformed(f"unrecognized chunker option: {name}")
    try:
        size = int(name[5:])
    except ValueError:
        raise Malformed(f'strconv.Atoi: parsing "{name[5:]}": invalid syntax') from None
    if size <= 0:
        raise Malformed("chunker size must be greater than 0")
    if size > LARGEST_CHUNK:
        raise Malformed(f"chunker parameters may not exceed the maximum chunk size of {LARGEST_CHUNK}")
    return size


# --- reading ---------------------------------------------------------------------------------------------------------

class Item(NamedTuple):
    """A node as UnixFS sees it."""

    kind: int
    size: int
    message: Optional[Message]
    links: list


def item(cid, block):
    if cid.codec == RAW:
        return Item(FILE, len(block), None, [])
    if cid.codec != DAG_PB:
        raise Malformed("unrecognized node type")
    node = decode_pb(block)
    message = decode(node.data or b"")
    if message.kind in (FILE, RAW_KIND) and len(message.sizes) != len(node.links):
        raise Malformed("number of blocksizes and links differ")
    kind = FILE if message.kind == RAW_KIND else message.kind
    size = len(message.data or b"") if kind == SYMLINK else message.size or 0
    return Item(kind, size, message, node.links)


def entries(get, cid):
    """The entries of a directory: name and link, in the order of the blocks."""
    this = item(cid, get(cid))
    if this.kind == DIRECTORY:
        for link in this.links:
            yield link.name or b"", link
    elif this.kind == HAMT_SHARD:
        width = len(f"{this.message.fanout - 1:X}")
        for link in this.links:
            if len(link.name) == width:
                yield from entries(get, link.cid)
            else:
                yield link.name[width:], link
    else:
        raise Malformed("not a directory")


def read(get, cid, offset=0, length=None):
    """The bytes of a file, a piece for each leaf. Leaves outside of what is asked are not got."""
    end = None if length is None else offset + length

    def walk(cid, start):
        this = item(cid, get(cid))
        data = get(cid) if this.message is None else this.message.data or b""
        first, last = max(offset - start, 0), len(data) if end is None else min(end - start, len(data))
        if first < last:
            yield data[first:last]
        place = start + len(data)
        for link, size in zip(this.links, this.message.sizes if this.message else ()):
            if place + size > offset and (end is None or place < end):
                yield from walk(link.cid, place)
            place += size

    return walk(cid, 0)


def total_size(cid, block):
    """The bytes of a node's block and of what it says of those under it."""
    if cid.codec != DAG_PB:
        return len(block)
    return len(block) + sum(link.size or 0 for link in decode_pb(block).links)
