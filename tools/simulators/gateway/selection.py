"""Which blocks a trustless gateway sends for a path, in their order: IPIP-402 as Kubo 0.42 does it."""

import ipld
import unixfs
from multiformats import DAG_CBOR, DAG_JSON, DAG_PB, IDENTITY, RAW, Malformed


class Stop(Exception):
    """A block is not there: what was sent so far is all there is."""


class Refused(Exception):
    """The words of a 400."""


def entity_range(text):
    """The two numbers of `entity-bytes`; the second one is None for the end."""
    words = "invalid application/vnd.ipld.car entity-bytes URL parameter: "
    parts = text.split(":")
    if len(parts) != 2:
        raise Refused(words + "range must have two numbers separated with ':'")

    def number(part):
        try:
            return int(part)
        except ValueError:
            raise Refused(f'{words}strconv.ParseInt: parsing "{part}": invalid syntax') from None

    first, last = number(parts[0]), None if parts[1] == "*" else number(parts[1])
    if last is not None and (first >= 0) == (last >= 0) and first > last:
        raise Refused(words + "cannot have an entity-bytes range where 'from' is after 'to'")
    return first, last


class Selection:
    """Walks a path and what is at its end; `get` gives a block or None, `send` takes those to be sent."""

    def __init__(self, get, send):
        self.get, self.send = get, send
        self.terminal = None

    def block(self, cid):
        if cid.hash_code == IDENTITY:
            return cid.digest
        data = self.get(cid)
        if data is None:
            raise Stop(cid)
        self.send(cid, data)
        return data

    def run(self, root, segments, scope="all", bytes_=None):
        """Sends the blocks; gives the CID at the end of the path, or None where there is none."""
        cid, rest = root, list(segments)
        data = None
        while rest:
            data = self.block(cid)
            if cid.codec == DAG_PB:
                found = self.entry(cid, data, rest.pop(0).encode())
                if found is None:
                    return None
                cid, data = found, None
                continue
            if cid.codec not in (DAG_CBOR, DAG_JSON):
                return None
            value = ipld.value_of(cid.codec, data)
            while rest and not hasattr(value, "codec"):
                key = rest.pop(0)
                try:
                    value = value[int(key)] if isinstance(value, list) else value[key]
                except (KeyError, IndexError, TypeError, ValueError):
                    return None
            if not hasattr(value, "codec"):
                # The path ends inside of the block.
                self.terminal = cid
                if scope == "all":
                    self.below(cid, data)
                return cid
            cid, data = value, None
        self.terminal = cid
        data = self.block(cid)
        if scope == "all":
            self.below(cid, data)
        elif scope == "entity":
            self.entity(cid, data, bytes_)
        return cid

    def entry(self, cid, data, name):
        """The link of a directory that has a name; shards on the way are sent."""
        node = unixfs.item(cid, data)
        if node.kind == unixfs.DIRECTORY:
            return next((link.cid for link in node.links if (link.name or b"") == name), None)
        if node.kind != unixfs.HAMT_SHARD:
            return None
        bits, used, hashed = node.message.fanout.bit_length() - 1, 0, unixfs.murmur3(name)
        width = len(f"{node.message.fanout - 1:X}")
        while True:
            prefix = f"{hashed >> (64 - used - bits) & (node.message.fanout - 1):0{width}X}".encode()
            link = next((link for link in node.links if link.name[:width] == prefix), None)
            if link is None:
                return None
            if len(link.name) > width:
                return link.cid if link.name[width:] == name else None
            used += bits
            node = unixfs.item(link.cid, self.block(link.cid))

    def below(self, cid, data):
        stack = list(reversed(ipld.links(cid.codec, data)))
        while stack:
            each = stack.pop()
            stack.extend(reversed(ipld.links(each.codec, self.block(each))))

    def entity(self, cid, data, bytes_):
        if cid.codec not in (DAG_PB, RAW):
            return
        try:
            node = unixfs.item(cid, data)
        except Malformed:
            return
        if node.kind == unixfs.HAMT_SHARD:
            self.shards(node)
        elif node.kind == unixfs.FILE:
            first, last = 0, node.size - 1
            if bytes_ is not None:
                first, last = bytes_
                first = max(first + node.size, 0) if first < 0 else first
                last = node.size - 1 if last is None else last + node.size if last < 0 else min(last, node.size - 1)
            # What is of no length, or beyond the end, is the first block alone.
            if first <= last:
                self.file(node, first, last)

    def shards(self, node):
        width = len(f"{node.message.fanout - 1:X}")
        for link in node.links:
            if len(link.name) == width:
                self.shards(unixfs.item(link.cid, self.block(link.cid)))

    def file(self, node, first, last):
        if node.message is None:
            return
        place = len(node.message.data or b"")
        for link, size in zip(node.links, node.message.sizes):
            if place <= last and place + size > first:
                self.file(unixfs.item(link.cid, self.block(link.cid)), first - place, last - place)
            place += size
