"""files/*: the mutable file system."""

import time

import unixfs
from errors import Failure
from mfs import NotThere
from multiformats import CID, DAG_PB, HASHES, SHA2_256, Malformed, multihash
from node import command
from store import Missing
from unixfs import DIRECTORY, HAMT_SHARD

FILES = {"flush": (bool, "f")}
KIND = {"cid-version": (int, "cid-ver"), "hash": str}


def builder(call):
    """A CID that stands for the version and the hash that were asked for, or None."""
    if "cid-version" not in call.given and "hash" not in call.given:
        return None
    name = call.option("hash", "sha2-256")
    if name not in HASHES:
        raise Failure(f"unrecognized hash function: {name}")
    version = call.option("cid-version", 0 if HASHES[name] == SHA2_256 else 1)
    return CID(version, DAG_PB, multihash(HASHES[name], b""))


def checked(path):
    if not path.startswith("/"):
        raise Failure("paths must start with a leading slash")
    return path if path == "/" else path.rstrip("/")


def node_at(call, path):
    return call.file(path) if path.startswith("/ipfs/") else call.node.files.find(checked(path))


@command("files/mkdir", ["path"], {"parents": (bool, "p"), "mode": int, "mtime": int, **FILES, **KIND})
def mkdir(call):
    with call.node.files.as_one():
        call.node.files.make_folder(checked(call.arguments[0]), call.option("parents", False), builder(call))


@command("files/write", ["path"], {
    "offset": (int, "o"), "create": (bool, "e"), "parents": (bool, "p"), "truncate": (bool, "t"), "count": (int, "n"),
    "raw-leaves": bool, **FILES, **KIND}, file="data")
def write(call):
    files, path = call.node.files, checked(call.arguments[0])
    if call.option("offset", 0) < 0:
        raise Failure("cannot have negative write offset")
    with files.as_one():
        try:
            files.find(path)
        except NotThere:
            if not call.option("create", False):
                raise
    data = b"".join(part.whole() for part in call.parts())
    if "count" in call.given:
        data = data[:call.option("count")]
    with files.as_one():
        try:
            version = files.find(path).version
        except NotThere:
            folder = path.rpartition("/")[0]
            if call.option("parents", False) and folder:
                files.make_folder(folder, True, builder(call))
            files.put(path, files.maker(builder(call) or files.parent(path), raw_leaves=False).leaf(b"").cid)
            version = files.find(path).version
        raw = call.option("raw-leaves")
        files.write(path, data, call.option("offset", 0), call.option("truncate", False),
                    version > 0 if raw is None else raw)


@command("files/read", ["path"], {"offset": (int, "o"), "count": (int, "n")})
def read(call):
    path = checked(call.arguments[0])
    try:
        cid = call.node.files.find(path)
    except NotThere as error:
        raise Failure(f"{path}: {error}") from None
    if call.node.files.is_directory(cid):
        raise Failure(f"{path} was not a file")
    size, offset = call.node.files.item(cid).size, call.option("offset", 0)
    if offset < 0:
        raise Failure("cannot specify negative offset")
    if offset > size:
        raise Failure(f"offset was past end of file ({offset} > {size})")
    if call.option("count", 0) < 0:
        raise Failure("cannot specify negative 'count'")
    pieces = list(unixfs.read(call.store.get, cid, offset, call.option("count")))
    call.stream()
    for piece in pieces:
        call.reply.chunk(piece)


@command("files/cp", ["source", "dest"], {"parents": (bool, "p"), "force": bool, **FILES})
def cp(call):
    files, (source, target) = call.node.files, call.arguments[:2]
    with call.node.files.as_one():
        try:
            cid = node_at(call, source)
            call.store.get(cid)
        except (NotThere, Missing) as error:
            raise Failure(f"cp: cannot get node from path {source}: {error}") from None
        if target.endswith("/"):
            target += source.rstrip("/").rpartition("/")[2]
        if call.option("parents", False) and target.count("/") > 1:
            files.make_folder(target.rpartition("/")[0], True)
        if call.option("force", False):
            files.parent(target)
            files.remove(target)
        try:
            files.put(checked(target), cid)
        except Malformed as error:
            raise Failure(f"cp: cannot put node in path {target}: {error}") from None


@command("files/mv", ["source", "dest"], dict(FILES))
def mv(call):
    files, (source, target) = call.node.files, call.arguments[:2]
    with call.node.files.as_one():
        cid = files.find(checked(source))
        last = source.rstrip("/").rpartition("/")[2]
        try:
            there = files.find(checked(target))
        except NotThere:
            files.parent(checked(target))
        else:
            if files.is_directory(there):
                target = f"{target.rstrip('/')}/{last}"
        files.remove(source)
        files.set(checked(target), cid)


@command("files/rm", ["path+"], {"recursive": (bool, "r"), "force": bool})
def rm(call):
    files, failed = call.node.files, False
    for path in call.arguments:
        try:
            with call.node.files.as_one():
                if checked(path) == "/":
                    raise Malformed("cannot delete root")
                cid = files.find(checked(path))
                if files.is_directory(cid) and not (call.option("recursive", False) or call.option("force", False)):
                    raise Malformed("path is a directory, use -r to remove directories")
                files.remove(path)
        except NotThere as error:
            if not call.option("force", False):
                failed = True
                call.emit(f"{path}: {error}")
        except Malformed as error:
            failed = True
            call.emit(f"{path}: {error}")
    if failed:
        raise Failure("can't remove some files")


@command("files/ls", ["path?"], {"long": (bool, "l"), "U": bool})
def ls(call):
    files = call.node.files
    path = checked(call.arguments[0]) if call.arguments else "/"
    cid, long = files.find(path), call.option("long", False)

    def row(name, each):
        if not long:
            return {"Name": name, "Type": 0, "Size": 0, "Hash": ""}
        this = files.item(each)
        folder = this.kind in (DIRECTORY, HAMT_SHARD)
        return {"Name": name, "Type": int(folder), "Size": 0 if folder else this.size, "Hash": call.encode(each)}

    if files.is_directory(cid):
        found = sorted(unixfs.entries(call.store.get, cid), key=lambda each: each[0])
        rows = [row(name.decode("utf-8", "replace"), link.cid) for name, link in found]
    else:
        rows = [row(path.rpartition("/")[2], cid)]
    call.once({"Entries": rows or None})


def local_size(call, cid):
    """How many bytes of a DAG are here, and whether it is all."""
    if not call.store.has(cid):
        return 0, False
    total, whole = len(call.store.get(cid)), True
    for child in call.store.links(cid):
        size, there = local_size(call, child)
        total, whole = total + size, whole and there
    return total, whole


@command("files/stat", ["path"], {"format": str, "hash": bool, "size": bool, "with-local": bool})
def stat(call):
    path = call.arguments[0]
    cid = node_at(call, path)
    this = call.node.files.item(cid)
    folder = this.kind in (DIRECTORY, HAMT_SHARD)
    value = {"Hash": call.encode(cid), "Size": 0 if folder else this.size,
             "CumulativeSize": unixfs.total_size(cid, call.store.get(cid)), "Blocks": len(this.links),
             "Type": "directory" if folder else "file"}
    if call.option("with-local", False):
        size, whole = local_size(call, cid)
        value.update(WithLocality=True)
        if whole:
            value.update(Local=True)
        if size:
            value.update(SizeLocal=size)
    if this.message and this.message.mtime:
        value["Mtime"] = this.message.mtime[0]
        if this.message.mtime[1]:
            value["MtimeNsecs"] = this.message.mtime[1]
    if this.message and this.message.mode:
        value["Mode"] = f"{this.message.mode & 0o7777:04o}"
    call.once(value)


@command("files/flush", ["path?"])
def flush(call):
    call.once({"Cid": call.encode(call.node.files.find(checked(call.arguments[0] if call.arguments else "/")))})


@command("files/chcid", ["path?"], {**FILES, **KIND})
def chcid(call):
    with call.node.files.as_one():
        path = checked(call.arguments[0]) if call.arguments else "/"
        call.node.files.change_builder(path, builder(call))


@command("files/chmod", ["mode", "path"], dict(FILES))
def chmod(call):
    try:
        mode = int(call.arguments[0], 8)
    except ValueError:
        raise Failure(f'strconv.ParseInt: parsing "{call.arguments[0]}": invalid syntax') from None
    with call.node.files.as_one():
        call.node.files.describe(checked(call.arguments[1]), mode=mode)


@command("files/touch", ["path"], {"mtime": int, "mtime-nsecs": int, **FILES})
def touch(call):
    with call.node.files.as_one():
        call.node.files.describe(checked(call.arguments[0]),
                                 mtime=(call.option("mtime", int(time.time())), call.option("mtime-nsecs", 0)))
