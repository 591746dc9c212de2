"""dag-pb, dag-cbor and dag-json: values, links, and the bytes in the pieces in which Kubo writes them."""

import base64
import json
import math
import struct
from typing import NamedTuple, Optional

from multiformats import CID, DAG_CBOR, DAG_JSON, DAG_PB, RAW, Malformed, parse_cid, read_cid

DEEPEST = 500


# --- dag-pb ----------------------------------------------------------------------------------------------------------

class Link(NamedTuple):
    cid: CID
    name: Optional[bytes]
    size: Optional[int]


class Node(NamedTuple):
    links: list
    data: Optional[bytes]


def proto_varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def proto_bytes(field, data):
    return proto_varint(field << 3 | 2) + proto_varint(len(data)) + data


def proto_fields(data):
    """The fields of a protobuf message: number, wire type, value."""
    place = 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            if place >= len(data) or shift > 63:
                raise Malformed("unexpected EOF")
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value & ((1 << 64) - 1)

    while place < len(data):
        key = number()
        wire = key & 7
        if wire == 0:
            value = number()
        elif wire in (1, 2, 5):
            size = number() if wire == 2 else {1: 8, 5: 4}[wire]
            if place + size > len(data):
                raise Malformed("unexpected EOF")
            value = bytes(data[place:place + size])
            place += size
        else:
            raise Malformed(f"wire type {wire}")
        yield key >> 3, wire, value


def encode_pb(node):
    out = b""
    for link in node.links:
        message = proto_bytes(1, link.cid.binary)
        if link.name is not None:
            message += proto_bytes(2, link.name)
        if link.size is not None:
            message += b"\x18" + proto_varint(link.size)
        out += proto_bytes(2, message)
    return out if node.data is None else out + proto_bytes(1, node.data)


def decode_pb(block):
    links, data = [], None
    for field, wire, value in proto_fields(block):
        if wire != 2 or field not in (1, 2) or (field == 1 and data is not None):
            raise Malformed(f"protobuf: (PBNode) invalid field {field}, wire type {wire}")
        if field == 1:
            data = value
            continue
        cid = name = size = None
        for part, kind, content in proto_fields(value):
            if (part, kind) == (1, 2):
                cid, end = read_cid(content)
                if end != len(content):
                    raise Malformed("trailing bytes after a CID")
            elif (part, kind) == (2, 2):
                name = content
            elif (part, kind) == (3, 0):
                size = content
            else:
                raise Malformed(f"protobuf: (PBLink) invalid field {part}, wire type {kind}")
        if cid is None:
            raise Malformed("protobuf: (PBLink) missing Hash")
        links.append(Link(cid, name, size))
    return Node(links, data)


def pb_value(node):
    """A dag-pb node in the data model."""
    links = []
    for link in node.links:
        entry = {"Hash": link.cid}
        if link.name is not None:
            entry["Name"] = link.name.decode("utf-8", "surrogateescape")
        if link.size is not None:
            entry["Tsize"] = link.size
        links.append(entry)
    value = {"Links": links}
    if node.data is not None:
        value["Data"] = node.data
    return value


def pb_node(value):
    if not isinstance(value, dict) or not set(value) <= {"Links", "Data"}:
        raise Malformed("invalid fields in dag-pb node")
    links = [Link(each["Hash"], each["Name"].encode() if "Name" in each else None, each.get("Tsize"))
             for each in value.get("Links", [])]
    return Node(sorted(links, key=lambda link: link.name or b""), value.get("Data"))


# --- dag-cbor --------------------------------------------------------------------------------------------------------

class _CBOR:
    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, count):
        if self.place + count > len(self.data):
            raise Malformed("unexpected EOF")
        piece = self.data[self.place:self.place + count]
        self.place += count
        return bytes(piece)

    def value(self, depth=0):
        if depth > DEEPEST:
            raise Malformed("nested too deeply")
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            if info in (20, 21, 22):
                return {20: False, 21: True, 22: None}[info]
            if info != 27:
                raise Malformed("unsupported simple value")
            return struct.unpack(">d", self.take(8))[0]
        if info < 24:
            argument = info
        elif info < 28:
            argument = int.from_bytes(self.take(1 << info - 24), "big")
        else:
            raise Malformed("indefinite lengths are not allowed")
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            return self.take(argument).decode("utf-8", "surrogateescape")
        if major == 4:
            return [self.value(depth + 1) for _ in range(argument)]
        if major == 5:
            return self.mapping(argument, depth)
        if argument != 42:
            raise Malformed(f"unhandled cbor tag {argument}")
        content = self.value(depth + 1)
        if not isinstance(content, bytes) or content[:1] != b"\0":
            raise Malformed("invalid link")
        return read_cid(content[1:])[0]

    def mapping(self, count, depth):
        result = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if not isinstance(key, str) or key in result:
                raise Malformed("map keys must be strings, each once")
            result[key] = self.value(depth + 1)
        return result


def decode_cbor(data):
    reader = _CBOR(data)
    value = reader.value()
    if reader.place != len(data):
        raise Malformed("unexpected content after end of cbor object")
    return value


def _head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise Malformed("number too large for cbor")


def _text(value):
    return value.encode("utf-8", "surrogateescape")


def cbor_pieces(value):
    """dag-cbor, a piece for each write of Kubo's encoder."""
    if value is None or value is True or value is False:
        yield {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    elif isinstance(value, CID):
        binary = b"\0" + value.binary
        yield b"\xd8\x2a"
        yield _head(2, len(binary))
        yield binary
    elif isinstance(value, int):
        yield _head(0, value) if value >= 0 else _head(1, -1 - value)
    elif isinstance(value, float):
        yield b"\xfb" + struct.pack(">d", value)
    elif isinstance(value, (bytes, str)):
        data = value if isinstance(value, bytes) else _text(value)
        yield _head(2 if isinstance(value, bytes) else 3, len(data))
        yield data
    elif isinstance(value, list):
        yield _head(4, len(value))
        for each in value:
            yield from cbor_pieces(each)
    else:
        yield _head(5, len(value))
        for key in sorted(value, key=lambda key: (len(_text(key)), _text(key))):
            yield from cbor_pieces(key)
            yield from cbor_pieces(value[key])


# --- dag-json --------------------------------------------------------------------------------------------------------

def _pairs(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise Malformed(f"duplicate key {key!r}")
        result[key] = value
    return result


def _from_json(value):
    if isinstance(value, list):
        return [_from_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"/"}:
        inner = value["/"]
        if isinstance(inner, str):
            return parse_cid(inner)
        if isinstance(inner, dict) and set(inner) == {"bytes"} and isinstance(inner["bytes"], str):
            text = inner["bytes"]
            return base64.b64decode(text + "=" * (-len(text) % 4))
    return {key: _from_json(each) for key, each in value.items()}


def decode_json(data):
    try:
        return _from_json(json.loads(data, object_pairs_hook=_pairs))
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None


def _quoted(text):
    inner = json.dumps(text, ensure_ascii=False)[1:-1]
    yield b'"'
    if inner:
        yield _text(inner)
    yield b'"'


def _number(value):
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise Malformed("cannot encode this number")
    return repr(value)


def json_pieces(value):
    """dag-json, a piece for each write of Kubo's encoder."""
    if value is None or value is True or value is False:
        yield {None: b"null", True: b"true", False: b"false"}[value]
    elif isinstance(value, CID):
        yield from json_pieces({"/": str(value)})
    elif isinstance(value, bytes):
        yield from json_pieces({"/": {"bytes": base64.b64encode(value).decode().rstrip("=")}})
    elif isinstance(value, str):
        yield from _quoted(value)
    elif isinstance(value, (int, float)):
        yield _number(value).encode()
    elif isinstance(value, list):
        yield b"["
        for index, each in enumerate(value):
            if index:
                yield b","
            yield from json_pieces(each)
        yield b"]"
    else:
        yield b"{"
        for index, key in enumerate(sorted(value, key=_text)):
            if index:
                yield b","
            yield from _quoted(key)
            yield b":"
            yield from json_pieces(value[key])
        yield b"}"


# --- any codec -------------------------------------------------------------------------------------------------------

def value_of(codec, block):
    if codec == RAW:
        return bytes(block)
    if codec == DAG_PB:
        return pb_value(decode_pb(block))
    if codec == DAG_CBOR:
        return decode_cbor(block)
    if codec == DAG_JSON:
        return decode_json(block)
    raise Malformed(f"no decoder registered for multicodec code {codec} (0x{codec:x})")


def pieces_of(codec, value):
    if codec == RAW:
        if not isinstance(value, bytes):
            raise Malformed("func called on wrong kind: only bytes nodes can be encoded as raw")
        return [value]
    if codec == DAG_PB:
        return [encode_pb(pb_node(value))]
    if codec == DAG_CBOR:
        return cbor_pieces(value)
    if codec == DAG_JSON:
        return json_pieces(value)
    raise Malformed(f"no encoder registered for multicodec code {codec} (0x{codec:x})")


def _walk(value, path):
    if isinstance(value, CID):
        yield path, value
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _walk(each, path + (str(index),))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _walk(each, path + (key,))


def links_with_paths(codec, block):
    """The links of a block in the order in which they stand there, each with the path to it in the block."""
    if codec == DAG_PB:
        return [(("Links", str(index), "Hash"), link.cid) for index, link in enumerate(decode_pb(block).links)]
    if codec in (DAG_CBOR, DAG_JSON):
        return list(_walk(value_of(codec, block), ()))
    return []


def links(codec, block):
    return [cid for _, cid in links_with_paths(codec, block)]
