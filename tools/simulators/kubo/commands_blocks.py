"""block/*, dag/*, refs and the repository."""

import struct

import car
import ipld
from errors import Failure
from multiformats import CODECS, DAG_PB, HASHES, RAW, Malformed, cid_of
from node import command
from store import RECURSIVE, Missing

LARGEST_BLOCK = 2 << 20
TOO_BIG = ("produced block is over 2MiB: big blocks can't be exchanged with other peers. consider using UnixFS for "
           "automatic chunking of bigger files, or pass --allow-big-block to override")


def check_size(call, data):
    if len(data) > LARGEST_BLOCK and not call.option("allow-big-block", False):
        raise Failure(TOO_BIG)


def hash_code(call, option, otherwise="sha2-256"):
    name = call.option(option, otherwise)
    if name not in HASHES:
        raise Failure(f'unrecognized hash function: "{name}"')
    return HASHES[name]


# --- blocks ----------------------------------------------------------------------------------------------------------

@command("block/put", file="data", options={
    "cid-codec": str, "mhtype": str, "mhlen": int, "pin": bool, "allow-big-block": bool, "format": (str, "f")})
def block_put(call):
    code = hash_code(call, "mhtype")
    version, codec = 1, CODECS.get(call.option("cid-codec", "raw"))
    form = call.option("format", "")
    if form:
        version = 0 if form == "v0" else 1
        codec = {"v0": DAG_PB, "protobuf": DAG_PB, "cbor": 0x71, "raw": RAW}.get(form)
    if codec is None:
        raise Failure(f"unrecognized codec: {call.option('cid-codec', form)}")
    for part in call.parts():
        data = part.whole()
        check_size(call, data)
        with call.store.pin_lock.shared():
            cid = call.store.put(cid_of(data, codec, version, code, call.option("mhlen", -1)), data)
            if call.option("pin", False):
                pin_all(call, cid, "")
        call.emit({"Key": call.encode(cid), "Size": len(data)})


def pin_all(call, cid, name):
    """Pins a DAG that must be here as a whole; how many blocks and bytes it has."""
    count = size = 0
    for _, block in call.store.walk(cid):
        count, size = count + 1, size + len(block)
    call.store.pin(cid, RECURSIVE, name)
    return count, size


@command("block/get", ["cid"])
def block_get(call):
    data = call.store.get(call.resolve(call.arguments[0])[0])
    call.stream("application/vnd.ipld.raw")
    call.reply.chunk(data)


@command("block/stat", ["cid"])
def block_stat(call):
    cid = call.resolve(call.arguments[0])[0]
    call.once({"Key": call.encode(cid), "Size": len(call.store.get(cid))})


@command("block/rm", ["cid+"], {"force": (bool, "f"), "quiet": (bool, "q")})
def block_rm(call):
    cids = [call.resolve(text)[0] for text in call.arguments]
    with call.store.pin_lock.exclusive(), call.store.lock:
        for cid in cids:
            pinned = call.store.why_pinned(cid)
            if pinned:
                call.emit({"Hash": call.encode(cid), "Error": pinned})
            elif not call.store.blocks.remove(cid.hash) and not call.option("force", False):
                call.emit({"Hash": call.encode(cid), "Error": f"ipld: could not find {cid}"})
            elif not call.option("quiet", False):
                call.emit({"Hash": call.encode(cid)})


# --- DAGs ------------------------------------------------------------------------------------------------------------

@command("dag/put", file="object data", options={
    "store-codec": str, "input-codec": str, "pin": bool, "hash": str, "allow-big-block": bool})
def dag_put(call):
    code = hash_code(call, "hash")
    names = [call.option("input-codec", "dag-json"), call.option("store-codec", "dag-cbor")]
    for name in names:
        if name not in CODECS:
            raise Failure(f"unknown multicodec: {name}")
    for part in call.parts():
        value = ipld.value_of(CODECS[names[0]], part.whole())
        data = b"".join(ipld.pieces_of(CODECS[names[1]], value))
        check_size(call, data)
        with call.store.pin_lock.shared():
            cid = call.store.put(cid_of(data, CODECS[names[1]], 1, code), data)
            if call.option("pin", False):
                pin_all(call, cid, "")
        call.emit({"Cid": {"/": call.encode(cid)}})


@command("dag/get", ["ref"], {"output-codec": str})
def dag_get(call):
    name = call.option("output-codec", "dag-json")
    if name not in CODECS:
        raise Failure(f"unknown multicodec: {name}")
    cid, left = call.resolve(call.arguments[0])
    value = ipld.value_of(cid.codec, call.store.get(cid))
    for name_left in left:
        value = value[int(name_left)] if isinstance(value, list) else value[name_left]
    pieces = list(ipld.pieces_of(CODECS[name], value))
    call.stream()
    for piece in pieces:
        call.reply.chunk(piece)


@command("dag/resolve", ["ref"])
def dag_resolve(call):
    cid, left = call.resolve(call.arguments[0])
    call.once({"Cid": {"/": call.encode(cid)}, "RemPath": "".join("/" + name for name in left)})


@command("dag/export", ["root"], {"progress": (bool, "p"), "local-only": bool})
def dag_export(call):
    cid, left = call.resolve(call.arguments[0])
    if left:
        raise Failure("cannot export anything other than a DAG with a root CID")
    faults = call.node.faults
    lost = faults.get("export-without", call)

    def get(each):
        if lost is not None and str(each) == lost.get("cid"):
            raise Missing(each)
        return call.store.get(each)

    local = call.option("local-only", False) or (
        lost is not None and not lost.get("trailer", False))
    try:
        for piece in car.export(get, cid, local):
            if not call.reply.started:
                call.stream("application/vnd.ipld.car")
            call.reply.chunk(piece)
    except car.Broken as error:
        raise Failure(str(error)) from None


@command("dag/import", file="path", options={
    "pin-roots": bool, "local-only": bool, "silent": bool, "stats": bool, "allow-big-block": bool,
    "fast-provide-root": bool, "fast-provide-dag": bool, "fast-provide-wait": bool})
def dag_import(call):
    faults = call.node.faults
    call.offline = True
    early = faults.get("import-early", call)
    if early is not None:
        answer_early(call, early)
        return
    roots, count, size = {}, 0, 0
    with call.store.pin_lock.shared():
        for part in call.parts():
            last = None
            try:
                reader = car.Reader(part)
                roots.update(dict.fromkeys(reader.roots))
                for cid, block in reader.blocks():
                    check_size(call, block)
                    ipld.links(cid.codec, block)
                    call.store.put(cid, block)
                    last, count, size = cid, count + 1, size + len(block)
            except Malformed as error:
                raise Failure(f'import failed after block "{last}": {error}' if last else str(error)) from None
        collected = faults.get("gc-before-pin", call)
        if collected is None:
            pin_roots(call, roots)
    if collected is not None:
        call.node.collect()
        pin_roots(call, roots)
    if call.option("stats", False):
        call.emit({"Stats": {"BlockCount": count, "BlockBytesCount": size}})


def pin_roots(call, roots):
    if not call.option("pin-roots", True):
        return
    for root in roots:
        problem = call.node.faults.get("pin-error", call)
        message = problem.get("message", "context deadline exceeded") if problem is not None else ""
        if problem is None:
            try:
                # Kubo asks its block store for the root itself, whose error has fewer words.
                if not call.store.has(root):
                    raise Malformed(f"ipld: could not find {root}")
                pin_all(call, root, "")
                call.node.faults.pinned(call, root)
            except (Missing, Malformed) as error:
                message = str(error)
        call.emit({"Root": {"Cid": {"/": call.encode(root)}, "PinErrorMsg": message}})


def answer_early(call, fault):
    """Says that all went well, for the roots in the head of the CAR, and reads no more of it."""
    try:
        part = next(call.parts())
        roots = car.Reader(part).roots if fault.get("roots", True) else []
    except (Malformed, StopIteration):
        roots = []
    call.begin()
    for root in roots:
        call.emit({"Root": {"Cid": {"/": call.encode(root)}, "PinErrorMsg": ""}})


def shortest(number):
    """A float of 32 bits with as many digits as it needs."""
    rounded = struct.unpack("f", struct.pack("f", number))[0]
    for digits in range(1, 10):
        text = f"{rounded:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == rounded:
            value = float(text)
            return int(value) if value == int(value) else value
    return rounded


@command("dag/stat", ["root+"], {"progress": (bool, "p")})
def dag_stat(call):
    stats, unique, total, redundant = [], set(), 0, 0
    for text in call.arguments:
        cid, left = call.resolve(text)
        if left:
            raise Failure("cannot return size for anything other than a DAG with a root CID")
        call.store.get(cid)
        entry = {"Cid": call.encode(cid), "Size": 0, "NumBlocks": 0}
        stats.append(entry)
        try:
            for each, block in call.store.walk(cid):
                entry["Size"] += len(block)
                entry["NumBlocks"] += 1
                total += 0 if each in unique else len(block)
                redundant += len(block)
                unique.add(each)
                if call.option("progress", True):
                    call.emit({"TotalSize": total, "DagStats": stats})
        except Missing as error:
            raise Failure(f"error traversing DAG: {error}") from None
    summary = {"UniqueBlocks": len(unique), "TotalSize": total}
    if redundant > total:
        summary["SharedSize"] = redundant - total
    if total:
        summary["Ratio"] = shortest(redundant / total)
    call.emit({key: value for key, value in {**summary, "DagStats": stats}.items() if value})


# --- references ------------------------------------------------------------------------------------------------------

@command("refs", ["ipfs-path+"], {"format": str, "edges": (bool, "e"), "unique": (bool, "u"),
                                  "recursive": (bool, "r"), "max-depth": int})
def refs(call):
    form = call.option("format", "<dst>")
    if call.option("edges", False):
        if "format" in call.given:
            raise Failure("using format argument with edges is not allowed")
        form = "<src> -> <dst>"
    deepest = call.option("max-depth", -1) if call.option("recursive", False) else 1
    seen = set()

    def named(cid):
        if cid.codec == DAG_PB:
            return [(link.name or b"", link.cid) for link in ipld.decode_pb(call.store.get(cid)).links]
        return [(b"", child) for child in ipld.links(cid.codec, call.store.get(cid))]

    def write(cid, depth):
        for name, child in named(cid):
            if call.option("unique", False) and child in seen:
                continue
            if not call.store.has(child):
                raise Failure("failed to fetch all nodes")
            seen.add(child)
            text = form.replace("<src>", call.encode(cid)).replace("<dst>", call.encode(child))
            call.emit({"Ref": text.replace("<linkname>", name.decode("utf-8", "replace")), "Err": ""})
            if deepest < 0 or depth < deepest:
                write(child, depth + 1)

    for text in call.arguments:
        try:
            write(call.file(text), 1)
        except (Missing, Failure) as error:
            call.emit({"Ref": "", "Err": str(error)})


@command("refs/local")
@command("repo/ls")
def refs_local(call):
    for cid in call.store.keys():
        call.emit({"Ref": call.encode(cid), "Err": ""})


# --- the repository --------------------------------------------------------------------------------------------------

@command("repo/stat", options={"size-only": bool, "human": (bool, "H")})
@command("stats/repo", options={"size-only": bool, "human": (bool, "H")})
def repo_stat(call):
    small = call.option("size-only", False)
    call.once({"RepoSize": call.store.blocks.size(), "StorageMax": 10000000000,
               "NumObjects": 0 if small else len(call.store.keys()),
               "RepoPath": "" if small else call.node.folder, "Version": "" if small else "fs-repo@18"})


@command("repo/version", options={"quiet": (bool, "q")})
def repo_version(call):
    call.once({"Version": "18"})


@command("repo/gc", options={"quiet": (bool, "q"), "silent": bool, "stream-errors": bool})
def repo_gc(call):
    removed, problems = call.node.collect()
    texts = [f"could not retrieve links for {cid}: {error}" for cid, error in problems]
    for cid in removed:
        if not call.option("silent", False):
            call.emit({"Key": {"/": call.encode(cid)}})
    if problems and call.option("stream-errors", False):
        for text in texts:
            call.emit({"Error": text})
    if problems:
        raise Failure("; ".join([*texts, "garbage collection aborted: could not retrieve some links"]))


@command("repo/verify", options={"drop": bool, "heal": bool})
def repo_verify(call):
    bad = []
    for index, cid in enumerate(call.store.keys()):
        if not cid.matches(call.store.get(cid)):
            bad.append(cid)
            call.emit({"Msg": f"block {cid} was corrupt (block in storage has different hash than requested)",
                       "Progress": 0})
        call.emit({"Msg": "", "Progress": index + 1})
    if bad:
        raise Failure("verify complete, some blocks were corrupt")
    call.emit({"Msg": "verify complete, all blocks validated.", "Progress": 0})
