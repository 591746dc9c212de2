"""What goes wrong on demand. Each fault has a name and a few fields; README.md lists them."""

import threading
import time

from errors import Failure
from multiformats import parse_cid
from wire import Broken

NAMES = ("export-cut", "export-without", "trailer", "pin-error", "import-early", "gc-before-pin", "status", "hang",
         "slow", "reset", "forget-pin", "wrong-bytes", "lose-block", "search")


class Cut(Exception):
    """The reply ends here as if it were whole."""


class Faults:
    def __init__(self, node):
        self.node, self.active, self.lock = node, {}, threading.Lock()

    def put(self, name, fields):
        if name not in NAMES:
            raise KeyError(name)
        with self.lock:
            self.active[name] = dict(fields)
        if name == "forget-pin" and "cid" in fields:
            cid = parse_cid(fields["cid"])
            if cid in self.node.store.pins:
                self.node.store.unpin(cid)
        self._mark()

    def remove(self, name):
        with self.lock:
            self.active.pop(name, None)
        self._mark()

    def _mark(self):
        """Tells the store which blocks are damaged and which are hidden."""
        store = self.node.store
        for name, marked in (("wrong-bytes", store.damaged), ("lose-block", store.hidden)):
            marked.clear()
            fields = self.active.get(name, {})
            for text in fields.get("cids", [fields["cid"]] if "cid" in fields else []):
                marked.add(parse_cid(text).hash)

    def _matches(self, name, call):
        fields = self.active.get(name)
        if fields is None or fields.get("times", 1) <= 0:
            return None
        return fields if fields.get("command", call.path) == call.path else None

    def has(self, name, call):
        with self.lock:
            return self._matches(name, call) is not None

    def get(self, name, call):
        """The fields of a fault that is on for this call, which counts as one of its times; or None."""
        with self.lock:
            fields = self._matches(name, call)
            if fields is not None and "times" in fields:
                fields["times"] -= 1
            return fields

    def _wait(self, name, call):
        while self.has(name, call):
            time.sleep(0.02)

    # --- where they act ---

    def before(self, call):
        """Before a command runs, and before the body of its request is read."""
        reset = self.get("reset", call) if self._when("reset", "before", call) else None
        if reset is not None:
            raise Broken(reset=True)
        if self._when("hang", "before", call):
            self._wait("hang", call)
            raise Broken()
        call.reply.mute = self._when("reset", "after", call) or self._when("hang", "after", call)
        slow = self.get("slow", call)
        if slow is not None:
            time.sleep(slow.get("seconds", 0))
        cut = self.get("export-cut", call) if call.path == "dag/export" else None
        broken = self.get("reset", call) if self._when("reset", "during", call) else None
        if any(each is not None for each in (slow, cut, broken)):
            call.reply.fault = lambda reply, data: self._chunk(reply, data, slow or {}, cut, broken)

    def _when(self, name, when, call):
        with self.lock:
            fields = self._matches(name, call)
            return fields is not None and fields.get("when", "before") == when

    @staticmethod
    def _chunk(reply, data, slow, cut, broken):
        if "pause" in slow:
            time.sleep(slow["pause"])
        for fields in (cut, broken):
            limit = fields.get("bytes", 0) if fields is not None else None
            if limit is None or reply.sent + len(data) <= limit:
                continue
            reply.fault = None
            reply.chunk(data[:limit - reply.sent])
            if fields is broken:
                raise Broken(reset=True)
            how = fields.get("how", "trailer")
            if how == "trailer":
                raise Failure(fields.get("message", "walk failed: context canceled"))
            raise Broken() if how == "close" else Cut()
        return data

    def after(self, call):
        """After a command did its work, of which nothing was said."""
        if self._when("reset", "after", call):
            self.get("reset", call)
            raise Broken(reset=True)
        if self._when("hang", "after", call):
            self._wait("hang", call)
            raise Broken()

    def pinned(self, call, cid):
        """After something was pinned: a node may forget it."""
        fields = self.get("forget-pin", call)
        if fields is not None and "cid" not in fields and cid in self.node.store.pins:
            self.node.store.unpin(cid)
