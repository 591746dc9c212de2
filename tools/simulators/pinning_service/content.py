"""What the service holds of content: the blocks of each root, from CARs and from nodes that have them."""

import io
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kubo"))

import car  # noqa: E402
import ipld  # noqa: E402
from multiformats import Malformed, parse_cid  # noqa: E402


class Stream:
    """A file as a CAR is read from it."""

    def __init__(self, file):
        self.file = file

    def exactly(self, count):
        return self.file.read(count)


def same(cid):
    """What both versions of a CID have in common."""
    return cid.hash, cid.codec


class Content:
    """The roots that are held, each with its blocks."""

    def __init__(self, network):
        self.network, self.held = list(network), {}
        # Roots that are said to be here without a block of them.
        self.pretended = set()

    def read_car(self, file):
        """The root of a CAR and its blocks; raises Malformed where it is none, or lacks something."""
        reader = car.Reader(Stream(file))
        if len(reader.roots) != 1:
            raise Malformed(f"the CAR has {len(reader.roots)} roots")
        blocks = {cid.hash: block for cid, block in reader.blocks()}
        root = reader.roots[0]
        self.check(root, blocks)
        return root, blocks

    @staticmethod
    def check(root, blocks):
        rest, seen = [root], set()
        while rest:
            cid = rest.pop()
            if cid.hash in seen:
                continue
            seen.add(cid.hash)
            if cid.hash not in blocks:
                raise Malformed(f"the CAR lacks {cid}")
            rest += [child for _, child in ipld.links_with_paths(cid.codec, blocks[cid.hash])]

    def has(self, root):
        return same(root) in self.held or str(root) in self.pretended

    def keep(self, root, blocks):
        self.held[same(root)] = blocks

    def drop(self, root):
        self.held.pop(same(root), None)

    def fetch(self, root, origins, others):
        """Looks for a root: with what the account brought, with the nodes that it names, and on the network."""
        if self.has(root):
            return True
        for blocks in others:
            try:
                self.check(root, blocks)
                self.keep(root, blocks)
                return True
            except Malformed:
                pass
        for place in [url for url in map(address, origins) if url] + self.network:
            target = f"{place}/api/v0/dag/export?arg={urllib.parse.quote(str(root))}"
            try:
                with urllib.request.urlopen(urllib.request.Request(target, data=b""), timeout=20) as reply:
                    found, blocks = self.read_car(io.BytesIO(reply.read()))
            except (OSError, urllib.error.URLError, Malformed):
                continue
            if same(found) == same(root):
                self.keep(root, blocks)
                return True
        return False

    def export(self, root):
        """The pieces of the CAR of a root that is held."""
        blocks = self.held[same(root)]
        return car.export(lambda cid: blocks[cid.hash], root)

    def block(self, cid):
        for blocks in list(self.held.values()):
            if cid.hash in blocks:
                return blocks[cid.hash]
        return None

    def spoil(self, root):
        """Changes a byte of the last block of a root."""
        blocks = dict(self.held[same(root)])
        last = list(blocks)[-1]
        blocks[last] = blocks[last][:-1] + bytes([blocks[last][-1] ^ 1])
        self.held[same(root)] = blocks


def address(origin):
    """Where a node is asked that stands in for one of the network: the port of its RPC API."""
    words = origin.split("/")
    if len(words) >= 5 and words[1] in ("ip4", "dns4") and words[3] == "tcp":
        return f"http://{words[2]}:{words[4]}"
    return None


def read_cid(text):
    try:
        return parse_cid(text)
    except (Malformed, ValueError, IndexError):
        return None
