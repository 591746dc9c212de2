"""pin/*: what is kept, and by which name."""

from commands_blocks import pin_all
from errors import Failure
from multiformats import Malformed
from node import command
from store import DIRECT, RECURSIVE, Missing

TYPES = ("direct", "indirect", "recursive", "all")


def check_name(call):
    name = call.option("name", "")
    if len(name.encode()) > 255:
        raise Failure(f"pin name is {len(name.encode())} bytes (max 255 bytes)")
    return name


@command("pin/add", ["ipfs-path+"], {
    "recursive": (bool, "r"), "name": (str, "n"), "progress": bool, "fast-provide-root": bool,
    "fast-provide-dag": bool, "fast-provide-wait": bool})
def pin_add(call):
    faults, name, pins, blocks, size = call.node.faults, check_name(call), [], 0, 0
    if faults.get("gc-before-pin", call) is not None:
        call.node.collect()
    for text in call.arguments:
        cid = call.resolve(text)[0]
        problem = faults.get("pin-error", call)
        if problem is not None:
            raise Failure("pin: " + problem.get("message", "context deadline exceeded"))
        try:
            with call.store.pin_lock.shared():
                if call.option("recursive", True):
                    blocks, size = (have + more for have, more in zip((blocks, size), pin_all(call, cid, name)))
                else:
                    call.store.get(cid)
                    call.store.pin(cid, DIRECT, name)
        except (Missing, Malformed) as error:
            raise Failure(f"pin: {error}") from None
        faults.pinned(call, cid)
        pins.append(call.encode(cid))
    if not call.option("progress", False):
        call.once({"Pins": pins})
        return
    if blocks:
        call.emit({"Progress": blocks, "Bytes": size})
    call.emit({"Pins": pins})


@command("pin/rm", ["ipfs-path+"], {"recursive": (bool, "r")})
def pin_rm(call):
    pins = []
    for text in call.arguments:
        cid = call.resolve(text)[0]
        with call.store.lock:
            if cid not in call.store.pins:
                raise Failure("not pinned or pinned indirectly")
            if call.store.pins[cid][0] == RECURSIVE and not call.option("recursive", True):
                raise Failure(f"{cid} is pinned recursively")
            call.store.unpin(cid)
        pins.append(call.encode(cid))
    call.once({"Pins": pins})


@command("pin/update", ["from-path", "to-path"], {
    "unpin": bool, "fast-provide-root": bool, "fast-provide-dag": bool, "fast-provide-wait": bool})
def pin_update(call):
    old, new = (call.resolve(text)[0] for text in call.arguments[:2])
    pins = call.store.pins
    with call.store.pin_lock.shared():
        if pins.get(old, ("",))[0] != RECURSIVE:
            raise Failure("'from' cid was not recursively pinned already")
        if old != new:
            if pins.get(new, ("",))[0] == RECURSIVE:
                raise Failure("'to' cid was already recursively pinned")
            pin_all(call, new, "")
            if call.option("unpin", True):
                call.store.unpin(old)
    call.node.faults.pinned(call, new)
    call.once({"Pins": [call.encode(old), call.encode(new)]})


# --- lists -----------------------------------------------------------------------------------------------------------

def rows_of_all(call, kind, named, name):
    """Every pin: CID, type, name."""
    store = call.store
    for mode in (RECURSIVE, DIRECT):
        if kind in ("all", mode):
            for cid in store.pinned(mode):
                own = store.pins.get(cid, ("", ""))[1]
                if name in own:
                    yield cid, mode, own if named else ""
    if kind in ("all", "indirect") and not name:
        seen = set(store.pins)
        for root in store.pinned(RECURSIVE):
            for cid in store.below(root, seen):
                yield cid, "indirect", ""


def rows_of_some(call, kind, named):
    """The pins of the arguments; one that is not pinned is an error."""
    store = call.store
    for text in call.arguments:
        cid = call.resolve(text)[0]
        mode, name = store.pins.get(cid, (None, ""))
        via = None
        if mode is None or kind not in ("all", mode):
            mode, name = None, ""
            if kind in ("all", "indirect"):
                via = next((root for root in store.pinned(RECURSIVE)
                            if root != cid and any(each == cid for each in store.below(root, set()))), None)
        if mode is None and via is None:
            raise Failure(f"path '{text}' is not pinned")
        yield cid, mode or f"indirect through {call.encode(via)}", name if named else ""


@command("pin/ls", ["ipfs-path*"], {"type": (str, "t"), "quiet": (bool, "q"), "name": (str, "n"),
                                    "stream": (bool, "s"), "names": bool})
def pin_ls(call):
    name, kind = check_name(call), call.option("type", "all")
    if kind not in TYPES:
        raise Failure(f"invalid type '{kind}', must be one of {{direct, indirect, recursive, all}}")
    named = call.option("names", False) or bool(name)
    rows = rows_of_some(call, kind, named) if call.arguments else rows_of_all(call, kind, named, name)
    if call.option("stream", False):
        for cid, mode, own in rows:
            call.emit({"Cid": call.encode(cid), **({"Name": own} if own else {}), "Type": mode})
        return
    keys = {call.encode(cid): {"Type": mode, "Name": own} for cid, mode, own in rows}
    call.once({"Keys": dict(sorted(keys.items()))} if keys else {})


@command("pin/verify", options={"verbose": bool, "quiet": (bool, "q")})
def pin_verify(call):
    verbose, quiet = call.option("verbose", False), call.option("quiet", False)
    if verbose and quiet:
        raise Failure("the --verbose and --quiet options can not be used at the same time")
    known = {}

    def bad(cid):
        """The broken nodes at and under a CID. Kubo does not look for raw blocks here."""
        if cid not in known:
            try:
                children = call.store.links(cid)
            except (Missing, Malformed) as error:
                known[cid] = [{"Cid": call.encode(cid), "Err": str(error)}]
            else:
                known[cid] = [row for child in children for row in bad(child)]
        return known[cid]

    for root in call.store.pinned(RECURSIVE):
        rows = bad(root)
        if rows:
            call.emit({"Cid": call.encode(root), **({} if quiet else {"BadNodes": rows})})
        elif verbose:
            call.emit({"Cid": call.encode(root), "Ok": True})
