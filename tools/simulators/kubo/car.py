"""CARs: read as they come, every block checked; written depth first, each block once."""

import ipld
from multiformats import CID, Malformed, cid_of, read_cid, read_varint, varint
from store import Missing

LONGEST_HEADER, LONGEST_SECTION = 32 << 20, 8 << 20


def header(roots):
    return b"".join(ipld.cbor_pieces({"roots": list(roots), "version": 1}))


class Reader:
    """The roots and the blocks of a CAR of version 1, or of the one inside of a CAR of version 2."""

    def __init__(self, part):
        self.part, self.left = part, None
        self.version, self.roots = self._header()
        if self.version == 2:
            self._second()

    def _take(self, count):
        if self.left is not None:
            if count > self.left:
                raise Malformed("unexpected EOF")
            self.left -= count
        data = self.part.exactly(count)
        if len(data) < count:
            raise Malformed("unexpected EOF")
        return data

    def _length(self, longest, words):
        """The length of what follows, or None at the end."""
        data = b""
        while True:
            if not data and self.left == 0:
                return None
            byte = self.part.exactly(1)
            if not byte:
                if data:
                    raise Malformed("unexpected EOF")
                return None
            if self.left is not None:
                self.left -= 1
            data += byte
            if byte[0] < 0x80 or len(data) > 9:
                break
        length = read_varint(data)[0]
        if length > longest:
            raise Malformed(words)
        return length

    def _header(self):
        length = self._length(LONGEST_HEADER, "invalid header data, length of read beyond allowable maximum")
        if length is None:
            raise Malformed("EOF")
        value = ipld.decode_cbor(self._take(length))
        if not isinstance(value, dict) or value.get("version") not in (1, 2):
            raise Malformed("invalid car version")
        roots = value.get("roots") or []
        if value["version"] == 1 and not all(isinstance(root, CID) for root in roots):
            raise Malformed("invalid header")
        return value["version"], roots

    def _second(self):
        fields = self._take(40)
        offset, size = (int.from_bytes(fields[start:start + 8], "little") for start in (16, 24))
        self._take(offset - 51)
        self.left = size
        version, self.roots = self._header()
        if version != 1:
            raise Malformed(f"invalid data payload header: expected version 1, got {version}")

    def blocks(self):
        while True:
            length = self._length(LONGEST_SECTION, "invalid section data, length of read beyond allowable maximum")
            if length is None:
                return
            if length == 0:
                raise Malformed("zero-length carv1 section not allowed by default; "
                                "see WithZeroLengthSectionAsEOF option")
            section = self._take(length)
            cid, place = read_cid(section)
            block = section[place:]
            if not cid.matches(block):
                got = cid_of(block, cid.codec, cid.version, cid.hash_code, len(cid.digest))
                raise Malformed(f"mismatch in content integrity, expected: {cid}, got: {got}")
            yield cid, block


class Broken(Exception):
    """An export that cannot go on."""


def export(get, root, skip_missing=False):
    """The pieces of a CAR of one DAG, as Kubo writes them one by one."""
    first = get(root)
    head = header([root])
    yield varint(len(head))
    yield head
    seen = {root}
    stack = [((), root, first)]
    while stack:
        path, cid, block = stack.pop()
        if block is None:
            if cid in seen:
                continue
            seen.add(cid)
            try:
                block = get(cid)
            except Missing as error:
                if skip_missing:
                    continue
                raise Broken(f'walk failed: error traversing node at "{"/".join(path)}": could not load link "{cid}": '
                             f"{error} (currently offline, perhaps retry after attaching to the network)") from None
        yield varint(len(cid.binary) + len(block))
        yield cid.binary
        yield block
        for place, child in reversed(ipld.links_with_paths(cid.codec, block)):
            stack.append((path + place, child, None))
