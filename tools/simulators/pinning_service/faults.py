"""What goes wrong on demand. Each fault has a name and a few fields; README.md lists them."""

import threading

NAMES = ("status", "fail", "lost-answer", "cut", "gateway-status", "forget-meta", "ignore-before", "page", "miscount",
         "backwards", "equal-times", "duplicate", "unlisted", "same-page", "half-part")


class Faults:
    def __init__(self):
        self.on, self.lock = {}, threading.Lock()

    def put(self, name, fields):
        if name not in NAMES:
            raise KeyError(name)
        with self.lock:
            self.on[name] = dict(fields)

    def remove(self, name):
        with self.lock:
            self.on.pop(name, None)

    def active(self, name):
        return self.get(name) is not None

    def get(self, name, line=""):
        """The fields of a fault that is on for this request, which counts as one of its times; or None."""
        with self.lock:
            fields = self.on.get(name)
            if fields is None or fields.get("times", 1) <= 0 or not line.startswith(fields.get("on", "")):
                return None
            if fields.get("skip", 0) > 0:
                fields["skip"] -= 1
                return None
            if "times" in fields:
                fields["times"] -= 1
            return fields
