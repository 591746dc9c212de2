"""The requests of an account, as the IPFS Pinning Service API 1.0.0 has them."""

import datetime
import json
import re

from content import read_cid
from multiformats import RAW, cid_of
from replies import Problem, Reply, bad, missing

STATES = ("queued", "pinning", "pinned", "failed")
MATCHES = {"exact": lambda name, wanted: name == wanted, "iexact": lambda name, wanted: name.lower() == wanted.lower(),
           "partial": lambda name, wanted: wanted in name,
           "ipartial": lambda name, wanted: wanted.lower() in name.lower()}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def moment(text):
    """Microseconds since 1970."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise bad(f"{text} is no date-time") from error
    if time.tzinfo is None:
        raise bad(f"{text} has no zone")
    return round((time - EPOCH) / datetime.timedelta(microseconds=1))


class Pins:
    def __init__(self, content, faults, clock, steps, delegates, imported):
        self.content, self.faults, self.clock = content, faults, clock
        self.steps, self.delegates, self.imported = steps, delegates, imported
        self.requests, self.count = {}, 0

    def answer(self, method, path, query, body):
        if path == "/pins":
            return {"GET": self.list, "POST": self.add}.get(method, self.refuse)(query, body)
        found = re.fullmatch(r"/pins/([^/]+)", path)
        entry = self.requests.get(found[1]) if found else None
        if entry is None:
            raise missing("resource")
        if method == "GET":
            return Reply.json(self.show(self.advance(entry)))
        if method == "POST":
            # The new one is there before the old one goes, so that blocks of both stay.
            reply = self.add(query, body, replacing=entry)
            self.forget(entry)
            return reply
        if method == "DELETE":
            self.forget(entry)
            return Reply(202)
        return self.refuse(query, body)

    @staticmethod
    def refuse(query, body, **_):
        raise Problem(405, "METHOD_NOT_ALLOWED")

    # --- making

    def add(self, query, body, replacing=None):
        pin = self.read(body)
        cid = read_cid(pin["cid"])
        if self.faults.active("duplicate") and any(each["pin"]["cid"] == pin["cid"] for each in self.requests.values()
                                                if each is not replacing):
            raise Problem(400, "DUPLICATE_OBJECT", "Object already pinned to this account. Please remove or replace it.")
        self.count += 1
        entry = {"requestid": f"00000000-0000-0000-0000-{self.count:012d}", "status": "queued",
                 "created": self.clock.next(self.faults.active("equal-times")), "pin": pin, "number": self.count,
                 "left": self.steps, "cid": cid, "info": {}}
        if self.faults.active("forget-meta"):
            entry["pin"] = {name: value for name, value in pin.items() if name != "meta"}
        self.requests[entry["requestid"]] = entry
        # A replacement fetches its content anew.
        if replacing is not None and replacing["pin"]["cid"] == pin["cid"] and cid is not None:
            self.content.drop(cid)
        if self.steps == 0:
            self.work(entry)
        return Reply.json(self.show(entry), 202)

    def fill(self, count, alike):
        """Makes many requests that are pinned, some at a time; gives their CIDs."""
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        made = []
        for number in range(count):
            cid = cid_of(b"%d" % number, RAW, 1)
            self.count += 1
            entry = {"requestid": f"filled-{self.count}", "status": "pinned", "pin": {"cid": str(cid)}, "cid": cid,
                     "created": Clock.text(start + datetime.timedelta(milliseconds=number // alike)),
                     "number": self.count, "left": 0, "info": {}}
            self.requests[entry["requestid"]] = entry
            made.append(str(cid))
        return made

    @staticmethod
    def read(body):
        try:
            pin = json.loads(body)
        except ValueError as error:
            raise bad("the body is no JSON") from error
        if not isinstance(pin, dict) or not set(pin) <= {"cid", "name", "origins", "meta"}:
            raise bad("the body is no Pin")
        if not isinstance(pin.get("cid"), str) or read_cid(pin["cid"]) is None:
            raise bad("cid is no CID")
        if not isinstance(pin.get("name", ""), str) or len(pin.get("name", "")) > 255:
            raise bad("name is longer than 255")
        origins = pin.get("origins", [])
        if not isinstance(origins, list) or len(origins) > 20 or len(set(origins)) != len(origins):
            raise bad("origins are at most 20, each once")
        if any(not isinstance(each, str) or not each.startswith("/") for each in origins):
            raise bad("origins are multiaddrs")
        meta = pin.get("meta", {})
        if not isinstance(meta, dict) or any(not isinstance(value, str) for value in meta.values()):
            raise bad("meta has texts")
        return pin

    def forget(self, entry):
        del self.requests[entry["requestid"]]
        if not any(each["pin"]["cid"] == entry["pin"]["cid"] for each in self.requests.values()):
            self.content.drop(entry["cid"])

    # --- states

    def advance(self, entry):
        """Each look lets the service go on a step."""
        if entry["status"] in ("queued", "pinning"):
            if entry["left"] > 0:
                entry["left"] -= 1
                entry["status"] = "pinning" if entry["left"] else entry["status"]
            if entry["left"] == 0:
                self.work(entry)
        return entry

    def work(self, entry):
        failure = self.faults.get("fail")
        if failure is not None:
            entry["status"] = "failed"
            entry["info"] = {"status_details": failure.get("reason", "no provider has it")}
        elif self.content.fetch(entry["cid"], entry["pin"].get("origins", []), self.imported()):
            entry["status"] = "pinned"

    def show(self, entry):
        shown = {name: entry[name] for name in ("requestid", "status", "created", "pin")}
        shown["delegates"] = self.delegates
        if entry["info"]:
            shown["info"] = entry["info"]
        return shown

    # --- lists

    def list(self, query, body):
        wanted = self.filters(query)
        found = [self.advance(entry) for entry in list(self.requests.values())]
        found = [entry for entry in found if all(test(entry) for test in wanted)]
        found.sort(key=lambda entry: (entry["created"], entry["number"]), reverse=True)
        limit = int(query.get("limit", "10"))
        page = self.faults.get("page")
        if page is not None:
            limit = min(limit, page["size"])
        results, count = found[:limit], len(found)
        if self.faults.active("miscount"):
            count += 1
        if self.faults.active("backwards"):
            results = found[::-1][:limit]
        return Reply.json({"count": count, "results": [self.show(entry) for entry in results]})

    def filters(self, query):
        known = {"cid", "name", "match", "status", "before", "after", "limit", "meta"}
        if not set(query) <= known:
            raise bad(f"there is no parameter {sorted(set(query) - known)[0]}")
        tests = []
        cids = query["cid"].split(",") if "cid" in query else None
        if cids is not None:
            if not 1 <= len(cids) <= 10 or len(set(cids)) != len(cids):
                raise bad("cid has one to ten, each once")
            tests.append(lambda entry: entry["pin"]["cid"] in cids)
        states = query.get("status", "pinned").split(",")
        if not set(states) <= set(STATES):
            raise bad("status is none")
        tests.append(lambda entry: entry["status"] in states)
        if query.get("match", "exact") not in MATCHES:
            raise bad("match is none")
        if "name" in query:
            match = MATCHES[query.get("match", "exact")]
            tests.append(lambda entry: match(entry["pin"].get("name", ""), query["name"]))
        if "before" in query and not self.faults.active("ignore-before"):
            before = moment(query["before"])
            tests.append(lambda entry: moment(entry["created"]) < before)
        if "after" in query:
            after = moment(query["after"])
            tests.append(lambda entry: moment(entry["created"]) > after)
        if "meta" in query:
            pairs = json.loads(query["meta"])
            tests.append(lambda entry: all(entry["pin"].get("meta", {}).get(name) == value
                                           for name, value in pairs.items()))
        if not query.get("limit", "10").isdigit() or not 1 <= int(query.get("limit", "10")) <= 1000:
            raise bad("limit lies between 1 and 1000")
        return tests


class Clock:
    """Gives each request a time of its own, unless they are to be equal."""

    def __init__(self, start, tick):
        self.fixed = None if start is None else datetime.datetime.fromisoformat(start)
        self.tick, self.last = datetime.timedelta(seconds=tick), None

    def next(self, is_equal):
        if is_equal and self.last is not None:
            return self.text(self.last)
        if self.fixed is not None:
            self.last, self.fixed = self.fixed, self.fixed + self.tick
        else:
            now = datetime.datetime.now(datetime.timezone.utc)
            now = now.replace(microsecond=now.microsecond // 1000 * 1000)
            least = None if self.last is None else self.last + datetime.timedelta(milliseconds=1)
            self.last = now if least is None or now >= least else least
        return self.text(self.last)

    @staticmethod
    def text(time):
        return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
