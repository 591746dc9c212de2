"""Varints, bases, multihashes and CIDs."""

import base64
import hashlib
from typing import NamedTuple

RAW, DAG_PB, DAG_CBOR, LIBP2P_KEY, DAG_JSON = 0x55, 0x70, 0x71, 0x72, 0x0129
CODECS = {"cbor": 0x51, "raw": RAW, "dag-pb": DAG_PB, "dag-cbor": DAG_CBOR, "libp2p-key": LIBP2P_KEY, "git-raw": 0x78,
          "dag-jose": 0x85, "dag-json": DAG_JSON, "json": 0x0200}
IDENTITY, SHA2_256, BLAKE2B_256 = 0x00, 0x12, 0xB220

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Malformed(ValueError):
    """Bytes or text that are not what they should be."""


class UnknownHash(Malformed):
    """A hash function that this simulator cannot compute."""


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data, start=0):
    """A number and the place after it."""
    number = shift = 0
    while True:
        if start >= len(data):
            raise Malformed("unexpected EOF")
        if shift > 56:
            raise Malformed("varints larger than uint63 not supported")
        byte = data[start]
        start += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift > 0:
                raise Malformed("varint not minimally encoded")
            return number, start
        shift += 7


# --- bases -----------------------------------------------------------------------------------------------------------

def big(data, alphabet):
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(alphabet))
        digits = alphabet[digit] + digits
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + digits


def unbig(text, alphabet):
    number = 0
    for character in text:
        digit = alphabet.find(character)
        if digit < 0:
            raise Malformed(f"invalid character {character!r}")
        number = number * len(alphabet) + digit
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _unpadded(decode, text, group):
    try:
        return decode(text + "=" * (-len(text) % group))
    except (ValueError, TypeError) as error:
        raise Malformed(str(error)) from None


ENCODERS = {
    "base16": ("f", lambda data: data.hex()),
    "base16upper": ("F", lambda data: data.hex().upper()),
    "base32": ("b", lambda data: base64.b32encode(data).decode().rstrip("=").lower()),
    "base32upper": ("B", lambda data: base64.b32encode(data).decode().rstrip("=")),
    "base32pad": ("c", lambda data: base64.b32encode(data).decode().lower()),
    "base32hex": ("v", lambda data: base64.b32hexencode(data).decode().rstrip("=").lower()),
    "base36": ("k", lambda data: big(data, BASE36)),
    "base36upper": ("K", lambda data: big(data, BASE36).upper()),
    "base58btc": ("z", lambda data: big(data, BASE58)),
    "base64": ("m", lambda data: base64.b64encode(data).decode().rstrip("=")),
    "base64pad": ("M", lambda data: base64.b64encode(data).decode()),
    "base64url": ("u", lambda data: base64.urlsafe_b64encode(data).decode().rstrip("=")),
    "base64urlpad": ("U", lambda data: base64.urlsafe_b64encode(data).decode()),
}
DECODERS = {
    "f": lambda text: bytes.fromhex(text), "F": lambda text: bytes.fromhex(text),
    "b": lambda text: _unpadded(base64.b32decode, text.upper(), 8),
    "B": lambda text: _unpadded(base64.b32decode, text.upper(), 8),
    "c": lambda text: _unpadded(base64.b32decode, text.upper(), 8),
    "v": lambda text: _unpadded(base64.b32hexdecode, text.upper(), 8),
    "k": lambda text: unbig(text.lower(), BASE36), "K": lambda text: unbig(text.lower(), BASE36),
    "z": lambda text: unbig(text, BASE58),
    "m": lambda text: _unpadded(base64.b64decode, text, 4), "M": lambda text: _unpadded(base64.b64decode, text, 4),
    "u": lambda text: _unpadded(base64.urlsafe_b64decode, text, 4),
    "U": lambda text: _unpadded(base64.urlsafe_b64decode, text, 4),
}


def multibase(data, base):
    prefix, encode = ENCODERS[base]
    return prefix + encode(data)


# --- multihashes -----------------------------------------------------------------------------------------------------

def _shake(data):
    return hashlib.shake_256(data).digest(64)


HASHES = {"identity": IDENTITY, "sha1": 0x11, "sha2-256": SHA2_256, "sha2-512": 0x13, "sha3-512": 0x14,
          "sha3-384": 0x15, "sha3-256": 0x16, "sha3-224": 0x17, "shake-256": 0x19, "keccak-224": 0x1A,
          "keccak-256": 0x1B, "keccak-384": 0x1C, "keccak-512": 0x1D, "blake3": 0x1E, "dbl-sha2-256": 0x56}
HASHES.update({f"blake2b-{8 * size}": 0xB200 + size for size in range(20, 65)})
HASHES.update({f"blake2s-{8 * size}": 0xB240 + size for size in range(20, 33)})

DIGESTS = {
    IDENTITY: bytes,
    0x11: lambda data: hashlib.sha1(data).digest(),
    SHA2_256: lambda data: hashlib.sha256(data).digest(),
    0x13: lambda data: hashlib.sha512(data).digest(),
    0x14: lambda data: hashlib.sha3_512(data).digest(),
    0x15: lambda data: hashlib.sha3_384(data).digest(),
    0x16: lambda data: hashlib.sha3_256(data).digest(),
    0x17: lambda data: hashlib.sha3_224(data).digest(),
    0x19: _shake,
    0x56: lambda data: hashlib.sha256(hashlib.sha256(data).digest()).digest(),
}


def multihash(code, data, length=-1):
    """The multihash of data; Kubo knows more functions than Python does."""
    if 0xB201 <= code <= 0xB240:
        digest = hashlib.blake2b(data, digest_size=code - 0xB200).digest()
    elif 0xB241 <= code <= 0xB260:
        digest = hashlib.blake2s(data, digest_size=code - 0xB240).digest()
    elif code in DIGESTS:
        digest = DIGESTS[code](data)
    else:
        raise UnknownHash(f"the simulator cannot compute the multihash 0x{code:x}")
    if 0 <= length < len(digest):
        digest = digest[:length]
    return varint(code) + varint(len(digest)) + digest


# --- CIDs ------------------------------------------------------------------------------------------------------------

class CID(NamedTuple):
    version: int
    codec: int
    hash: bytes

    @property
    def binary(self):
        return self.hash if self.version == 0 else b"\x01" + varint(self.codec) + self.hash

    @property
    def hash_code(self):
        return read_varint(self.hash)[0]

    @property
    def digest(self):
        _, place = read_varint(self.hash)
        _, place = read_varint(self.hash, place)
        return self.hash[place:]

    @property
    def is_identity(self):
        return self.hash[0] == IDENTITY

    def text(self, base=None, upgrade=False):
        if self.version == 0 and not upgrade:
            return big(self.hash, BASE58)
        return multibase(self.v1.binary, base or "base32")

    @property
    def v1(self):
        return CID(1, self.codec, self.hash)

    def __str__(self):
        return self.text()

    def matches(self, data):
        length = len(self.digest)
        return multihash(self.hash_code, data, length) == self.hash


def cid_of(data, codec=RAW, version=1, code=SHA2_256, length=-1):
    if version == 0 and codec != DAG_PB:
        version = 1
    return CID(version, codec, multihash(code, data, length))


def read_cid(data, start=0):
    """A CID from bytes, and the place after it."""
    if data[start:start + 2] == b"\x12\x20":
        if len(data) < start + 34:
            raise Malformed("unexpected EOF")
        return CID(0, DAG_PB, bytes(data[start:start + 34])), start + 34
    version, place = read_varint(data, start)
    if version != 1:
        raise Malformed(f"expected 1 as the cid version number, got: {version}")
    codec, place = read_varint(data, place)
    begin = place
    _, place = read_varint(data, place)
    size, place = read_varint(data, place)
    if size > 128:
        raise Malformed("multihash too long: invalid digest size")
    if place + size > len(data):
        raise Malformed("unexpected EOF")
    return CID(1, codec, bytes(data[begin:place + size])), place + size


def parse_cid(text):
    """A CID from text; Malformed with Kubo's words, where they are known."""
    if len(text) < 2:
        raise Malformed("cid too short")
    if len(text) == 46 and text.startswith("Qm"):
        data = unbig(text, BASE58)
    else:
        decode = DECODERS.get(text[0])
        if decode is None:
            raise Malformed("selected encoding not supported")
        try:
            data = decode(text[1:])
        except ValueError as error:
            raise Malformed(str(error)) from None
        if data[:1] == b"\x12":
            raise Malformed("invalid cid: CIDv0 with multibase prefix")
    if not data:
        raise Malformed("cid too short")
    try:
        cid, end = read_cid(data)
    except Malformed as error:
        raise Malformed(f"invalid cid: {error}") from None
    if end != len(data):
        raise Malformed("invalid cid: trailing bytes in data buffer passed to cid Cast")
    return cid
