"""The mutable file system of a node: a tree of UnixFS nodes of which the root is remembered."""

import contextlib

import unixfs
from ipld import Link, Node, decode_pb, encode_pb
from multiformats import CID, DAG_PB, RAW, Malformed, cid_of, parse_cid
from unixfs import DIRECTORY, FILE, HAMT_SHARD, RAW_KIND, Made, Maker, Message

CHUNK = 262144


class NotThere(Malformed):
    def __init__(self):
        super().__init__("file does not exist")


class Exists(Malformed):
    def __init__(self):
        super().__init__("file already exists")


def split(path):
    if not path.startswith("/"):
        raise Malformed("paths must start with a leading slash")
    return [name for name in path.split("/") if name]


class MFS:
    def __init__(self, store):
        self.store, self.drafts, self.later = store, None, []

    @property
    def root(self):
        """The root, with what was to be put there later; never one in the middle of somebody else's change."""
        with self.store.lock:
            while self.later:
                path, cid = self.later.pop(0)
                with self.as_one():
                    self.set(path, cid)
            return parse_cid(self.store.values["files"])

    @contextlib.contextmanager
    def as_one(self):
        """Changes of which only the folders of the last state are stored."""
        with self.store.lock:
            outer, self.drafts = self.drafts, {} if self.drafts is None else self.drafts
            try:
                yield
            finally:
                # What was changed before a failure stays changed.
                if outer is None:
                    self._keep(parse_cid(self.store.values["files"]))
                self.drafts = outer

    def _keep(self, cid):
        block = self.drafts.pop(cid, None)
        if block is not None:
            self.store.put(cid, block)
            for link in decode_pb(block).links:
                self._keep(link.cid)

    def get(self, cid):
        drafts = self.drafts or {}
        return drafts[cid] if cid in drafts else self.store.get(cid)

    def _draft(self, cid, block):
        if self.drafts is None:
            self.store.put(cid, block)
        else:
            self.drafts[cid] = block

    # --- looking ---

    def item(self, cid):
        return unixfs.item(cid, self.get(cid))

    def is_directory(self, cid):
        return self.item(cid).kind in (DIRECTORY, HAMT_SHARD)

    def find(self, path):
        cid = self.root
        for name in split(path):
            if not self.is_directory(cid):
                raise NotThere
            cid = self.child(cid, name)
        return cid

    def child(self, folder, name):
        for each, link in unixfs.entries(self.get, folder):
            if each == name.encode():
                return link.cid
        raise NotThere

    def made(self, cid):
        return Made(cid, 0, unixfs.total_size(cid, self.get(cid)))

    def maker(self, cid, **more):
        return Maker(self.store.put, cid.version, cid.hash_code, **more)

    def folder_maker(self, cid):
        return Maker(self._draft, cid.version, cid.hash_code)

    # --- changing ---

    def _folder(self, cid, change, builder=None):
        """A folder after a change of its entries."""
        this = self.item(cid)
        entries = {name: Made(link.cid, 0, link.size or 0) for name, link in unixfs.entries(self.get, cid)}
        change(entries)
        return self.folder_maker(builder or cid).directory(entries, this.message.mode, this.message.mtime).cid

    def _set(self, folder, names, cid):
        """A folder with another node at the end of some names; without one where there is none to be."""
        if len(names) == 1:
            def change(entries):
                entries.pop(names[0].encode(), None)
                if cid is not None:
                    entries[names[0].encode()] = self.made(cid)
        else:
            inner = self._set(self.child(folder, names[0]), names[1:], cid)

            def change(entries):
                entries[names[0].encode()] = self.made(inner)
        return self._folder(folder, change)

    def set(self, path, cid):
        names = split(path)
        root = self._set(self.root, names, cid) if names else cid
        self.store.values["files"] = str(root)
        self.store.save()

    def parent(self, path):
        folder = self.find("/" + "/".join(split(path)[:-1]))
        if not self.is_directory(folder):
            raise Malformed("not a directory")
        return folder

    def put(self, path, cid, later=False):
        try:
            self.child(self.parent(path), split(path)[-1])
        except NotThere:
            self.parent(path)
            if later:
                self.later.append((path, cid))
            else:
                self.set(path, cid)
        else:
            raise Malformed("directory already has entry by that name")

    def make_folder(self, path, parents=False, builder=None):
        names = split(path)
        if not names:
            if parents:
                return
            raise Malformed("cannot create directory '/': Already exists")
        for count in range(1 if parents else len(names), len(names) + 1):
            part = "/" + "/".join(names[:count])
            folder = self.parent(part)
            try:
                found = self.child(folder, names[count - 1])
            except NotThere:
                self.set(part, self.folder_maker(builder or folder).directory({}).cid)
            else:
                if not parents or not self.is_directory(found):
                    raise Exists

    def remove(self, path):
        self.set(path, None)

    def change_builder(self, path, builder):
        cid = self.find(path)
        if not self.is_directory(cid):
            raise Malformed("can only update CID of directories")
        self.set(path, self._folder(cid, lambda entries: None, builder))

    # --- the words about a node ---

    def describe(self, path, mode=None, mtime=None):
        """Sets mode or time of a node."""
        cid = self.find(path)
        if cid.codec == RAW:
            data = self.store.get(cid)
            node, message = Node([], None), Message(FILE, data, len(data))
        else:
            node = decode_pb(self.store.get(cid))
            message = unixfs.decode(node.data)
        message = message._replace(mode=message.mode if mode is None else mode,
                                   mtime=message.mtime if mtime is None else mtime)
        block = encode_pb(Node(node.links, message.encode()))
        self.set(path, self.store.put(cid_of(block, DAG_PB, cid.version, cid.hash_code), block))

    # --- writing, as Kubo's modifier of DAGs does it ---

    def write(self, path, data, offset=0, truncate=False, raw_leaves=None):
        cid = self.find(path)
        if self.is_directory(cid):
            raise Malformed(f"{path} was not a file")
        if truncate and self.item(cid).size:
            cid = self._cut(cid, 0)
        size = self.item(cid).size
        if offset > size:
            cid = self._append(cid, bytes(offset - size), raw_leaves, 4096)
        if data:
            left = max(0, self.item(cid).size - offset)
            cid = self._overwrite(cid, data[:left], offset)
            if len(data) > left:
                cid = self._append(cid, data[left:], raw_leaves)
        self.set(path, cid)

    def _save(self, cid, links, message):
        block = encode_pb(Node(links, message.encode()))
        return self.store.put(cid_of(block, DAG_PB, cid.version, cid.hash_code), block)

    def _overwrite(self, cid, data, offset):
        this = self.item(cid)
        if this.message is None:
            old = self.store.get(cid)
            new = old[:offset] + data + old[offset + len(data):]
            return self.store.put(cid_of(new, RAW, 1, cid.hash_code), new)
        if not this.links:
            old = this.message.data
            if old is not None:
                old = old[:offset] + data + old[offset + len(data):]
            return self._save(cid, [], this.message._replace(data=old))
        links, place = list(this.links), len(this.message.data or b"")
        for index, size in enumerate(this.message.sizes):
            if data and place + size > offset:
                start = max(0, offset - place)
                piece, data = data[:size - start], data[size - start:]
                links[index] = links[index]._replace(cid=self._overwrite(links[index].cid, piece, start))
                offset = place + size
            place += size
        return self._save(cid, links, this.message)

    def _cut(self, cid, size):
        this = self.item(cid)
        if this.message is None:
            data = self.store.get(cid)[:size]
            return self.store.put(cid_of(data, RAW, 1, cid.hash_code), data)
        if not this.links:
            return self._save(cid, [], Message(RAW_KIND, (this.message.data or b"")[:size], size))
        links, sizes, place = [], [], 0
        for link, under in zip(this.links, this.message.sizes):
            if size < place + under:
                child = self._cut(link.cid, size - place)
                links.append(Link(child, b"", self.made(child).total))
                sizes.append(size - place)
                break
            links.append(link)
            sizes.append(under)
            place += under
        return self._save(cid, links, this.message._replace(size=sum(sizes), sizes=tuple(sizes)))

    def _append(self, cid, data, raw_leaves, chunk=CHUNK):
        this = self.item(cid)
        maker = self.maker(cid, raw_leaves=raw_leaves)
        if this.message is None:
            under = self.store.get(cid)
            message, links = Message(FILE, None, len(under), (len(under),)), [Link(cid, b"", len(under))]
        else:
            message, links = this.message, list(this.links)
        sizes = list(message.sizes)
        for start in range(0, len(data), chunk):
            leaf = maker.leaf(data[start:start + chunk], kind=RAW_KIND)
            links.append(Link(leaf.cid, b"", leaf.total))
            sizes.append(leaf.size)
        if len(links) > maker.max_links:
            raise Malformed("the simulator writes no more than 174 chunks to a file at once")
        total = len(message.data or b"") + sum(sizes)
        message = message._replace(size=total, sizes=tuple(sizes))
        return self._save(cid if this.message is not None else CID(1, DAG_PB, cid.hash), links, message)
