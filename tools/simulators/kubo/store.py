"""What a node keeps: blocks by multihash, pins, and which of them garbage collection may take."""

import base64
import contextlib
import json
import os
import threading

import ipld
from multiformats import CID, RAW, Malformed, cid_of, multibase, parse_cid

RECURSIVE, DIRECT = "recursive", "direct"
EMPTY_DIRECTORY = b"\x0a\x02\x08\x01"


class Missing(Exception):
    """A block is not here."""

    def __init__(self, cid):
        super().__init__(f"block was not found locally (offline): ipld: could not find {cid}")
        self.cid = cid


class PinLock:
    """Many may add and pin at a time; garbage collection waits for all of them and keeps them out."""

    def __init__(self):
        self.condition, self.holders, self.collecting = threading.Condition(), 0, False

    @contextlib.contextmanager
    def shared(self):
        with self.condition:
            self.condition.wait_for(lambda: not self.collecting)
            self.holders += 1
        try:
            yield
        finally:
            with self.condition:
                self.holders -= 1
                self.condition.notify_all()

    @contextlib.contextmanager
    def exclusive(self):
        with self.condition:
            self.condition.wait_for(lambda: not self.collecting and not self.holders)
            self.collecting = True
        try:
            yield
        finally:
            with self.condition:
                self.collecting = False
                self.condition.notify_all()


class Blocks:
    """Blocks in memory."""

    def __init__(self):
        self.kept = {}

    def put(self, key, data):
        self.kept.setdefault(key, bytes(data))

    def get(self, key):
        return self.kept.get(key)

    def remove(self, key):
        return self.kept.pop(key, None) is not None

    def keys(self):
        return list(self.kept)

    def size(self):
        return sum(len(data) for data in self.kept.values())


class BlockFolder:
    """Blocks as files, named and placed as Kubo's flatfs does it."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "SHARDING"), "w", encoding="utf-8") as file:
            file.write("/repo/flatfs/shard/v1/next-to-last/2\n")

    def path(self, key):
        name = base64.b32encode(key).decode().rstrip("=")
        return os.path.join(self.folder, name[-3:-1], name + ".data")

    def put(self, key, data):
        path = self.path(key)
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_whole(path, bytes(data))

    def get(self, key):
        try:
            with open(self.path(key), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def remove(self, key):
        try:
            os.unlink(self.path(key))
        except FileNotFoundError:
            return False
        return True

    def _files(self):
        for folder, _, names in os.walk(self.folder):
            for name in names:
                if name.endswith(".data"):
                    yield os.path.join(folder, name)

    def keys(self):
        names = [os.path.basename(path)[:-len(".data")] for path in self._files()]
        return [base64.b32decode(name + "=" * (-len(name) % 8)) for name in names]

    def size(self):
        return sum(os.path.getsize(path) for path in self._files())


def write_whole(path, data):
    """A file that is there as a whole or not at all."""
    draft = f"{path}.{threading.get_ident()}.draft"
    with open(draft, "wb") as file:
        file.write(data)
    os.replace(draft, path)


class Store:
    def __init__(self, folder=None):
        self.folder = folder
        self.blocks = BlockFolder(os.path.join(folder, "blocks")) if folder else Blocks()
        self.lock, self.pin_lock = threading.RLock(), PinLock()
        self.pins, self.values = {}, {}
        self.damaged, self.hidden = set(), set()
        self.on_missing = None
        state = os.path.join(folder, "state.json") if folder else None
        if state and os.path.exists(state):
            with open(state, encoding="utf-8") as file:
                kept = json.load(file)
            self.pins = {parse_cid(text): tuple(pin) for text, pin in kept["pins"].items()}
            self.values = kept["values"]
        else:
            empty = self.put(cid_of(EMPTY_DIRECTORY, 0x70, 0), EMPTY_DIRECTORY)
            self.pins[empty] = (RECURSIVE, "")
            self.save()

    def save(self):
        """Keeps pins and values, where there is a folder."""
        if self.folder:
            with self.lock:
                kept = {"pins": {str(cid): pin for cid, pin in self.pins.items()}, "values": self.values}
                write_whole(os.path.join(self.folder, "state.json"), json.dumps(kept, indent=1).encode())

    # --- blocks ---

    def put(self, cid, data):
        if not cid.is_identity:
            self.blocks.put(cid.hash, data)
        return cid

    def get(self, cid):
        """The bytes of a block, unchecked: Kubo does not hash what it reads from its own store."""
        if cid.is_identity:
            return cid.digest
        data = None if cid.hash in self.hidden else self.blocks.get(cid.hash)
        if data is None and self.on_missing:
            self.on_missing(cid)
            data = self.blocks.get(cid.hash)
        if data is None:
            raise Missing(cid)
        if cid.hash in self.damaged:
            return data[:-1] + bytes([data[-1] ^ 1]) if data else b"\0"
        return data

    def has(self, cid):
        return cid.is_identity or (cid.hash not in self.hidden and self.blocks.get(cid.hash) is not None)

    def keys(self):
        """The CID of each block as Kubo lists them: version 1, raw, whatever they were stored as."""
        return [CID(1, RAW, key) for key in self.blocks.keys() if key not in self.hidden]

    # --- walks ---

    def links(self, cid):
        """The links of a block; a raw block has none, and is not looked for, as in Kubo."""
        return [] if cid.codec == RAW else ipld.links(cid.codec, self.get(cid))

    def walk(self, root):
        """The blocks of a DAG, depth first, each once. Every block must be here."""
        seen, stack = set(), [root]
        while stack:
            cid = stack.pop()
            if cid in seen:
                continue
            seen.add(cid)
            block = self.get(cid)
            yield cid, block
            stack.extend(reversed(ipld.links(cid.codec, block)))

    def below(self, root, seen):
        """The CIDs under a root that were not seen yet, level by level."""
        level = [root]
        while level:
            following = []
            for cid in level:
                for child in self.links(cid):
                    if child not in seen:
                        seen.add(child)
                        following.append(child)
                        yield child
            level = following

    # --- pins ---

    def pinned(self, mode):
        """The CIDs that are pinned so, in the order of Kubo's index."""
        found = [cid for cid, pin in self.pins.items() if pin[0] == mode]
        return sorted(found, key=lambda cid: multibase(cid.binary, "base64url"))

    def pin(self, cid, mode, name):
        with self.lock:
            if mode == DIRECT and self.pins.get(cid, ("",))[0] == RECURSIVE:
                raise Malformed(f"{cid} already pinned recursively")
            self.pins[cid] = (mode, name)
            self.save()

    def unpin(self, cid):
        with self.lock:
            del self.pins[cid]
            self.save()

    def via(self, cid):
        """The recursive pin under which a block is, or None."""
        for root in self.pinned(RECURSIVE):
            try:
                if any(each == cid for each in self.below(root, set())):
                    return root
            except Missing:
                continue
        return None

    def why_pinned(self, cid):
        if cid in self.pins:
            return f"pinned: {self.pins[cid][0]}"
        root = self.via(cid)
        return f"pinned via {root}" if root else None

    # --- garbage ---

    def garbage(self, kept_roots):
        """The multihashes that no pin and none of the other roots keeps, and what could not be walked."""
        kept, problems = set(), []
        for cid in self.pinned(DIRECT):
            kept.add(cid.hash)
        for root in self.pinned(RECURSIVE):
            self._mark(root, kept, problems)
        for root in kept_roots:
            self._mark(root, kept, [])
        return [key for key in self.blocks.keys() if key not in kept], problems

    def _mark(self, root, kept, problems):
        seen, stack = set(), [root]
        while stack:
            cid = stack.pop()
            if cid in seen:
                continue
            seen.add(cid)
            kept.add(cid.hash)
            try:
                stack.extend(self.links(cid))
            except (Missing, Malformed) as error:
                problems.append((cid, error))
