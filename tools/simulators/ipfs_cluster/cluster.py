"""A cluster: its peers with their IPFS nodes, its pinset, and the states in which each pin is on each peer."""

import base64
import hashlib
import threading
import time

from multiformats import BASE58, big
from node import Node
from store import RECURSIVE, Missing

VERSION = "1.1.6"
NEVER = "0001-01-01T00:00:00Z"
PINNED, PINNING, QUEUED, ERROR = "pinned", "pinning", "pin_queued", "pin_error"


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}Z"


def peer_id(number):
    """An ID as a peer would have it."""
    return big(b"\x00\x24\x08\x01\x12\x20" + hashlib.sha256(f"peer {number}".encode()).digest(), BASE58)


class Peer:
    def __init__(self, number):
        self.id, self.name, self.node = peer_id(number), f"peer-{number}", Node()
        self.node.stopping = False
        # What it does with each pin: [state, since, attempts, error, how often it was looked at].
        self.tracked = {}

    @property
    def node_id(self):
        return big(self.node.key.hash, BASE58)


class Cluster:
    def __init__(self, count, pace, factors):
        self.peers, self.pins, self.faults = [Peer(number) for number in range(count)], {}, {}
        self.pace, self.factors = pace, factors
        self.lock, self.requests, self.tokens = threading.RLock(), [], set()

    def fault(self, name, **fields):
        """The fields of a fault that is on, for these; it counts as one of its times."""
        fault = self.faults.get(name)
        if fault is None or any(fault.get(key, value) != value for key, value in fields.items()):
            return None
        if fault.get("times", 1) <= 0:
            return None
        if "times" in fault:
            fault["times"] -= 1
        return fault

    def is_down(self, peer):
        return self.peers.index(peer) in self.faults.get("peer-down", {}).get("peers", ())

    # --- pins ---

    def pin(self, cid, options):
        """Takes a pin into the pinset, or changes the one that is there."""
        least, most = options["min"] or self.factors[0], options["max"] or self.factors[1]
        up = [peer for peer in self.peers if not self.is_down(peer)]
        if least > len(up):
            raise ValueError(f"not enough peers to allocate CID. Needed at least: {least}. Wanted at most: {most}. "
                             f"Valid candidates: {len(up)}. See logs for more information.")
        known = self.pins.get(cid)
        kept = [peer.id for peer in self.peers if known and peer.id in known["allocations"]]
        # Others are chosen by chance that is the same each time.
        rest = sorted((hashlib.sha256(str(cid).encode() + peer.id.encode()).digest(), peer.id)
                      for peer in up if peer.id not in kept)
        wanted = options["allocations"] or kept + [each for _, each in rest]
        pin = {"replication_factor_min": least, "replication_factor_max": most, "name": options["name"],
               "mode": options["mode"], "shard_size": 0, "user_allocations": options["allocations"] or None,
               "expire_at": options["expire"] or NEVER, "metadata": options["metadata"] or None, "pin_update": None,
               "origins": options["origins"], "cid": str(cid), "type": 2,
               "allocations": wanted[:most] if most > 0 else [], "max_depth": 0 if options["mode"] == "direct" else -1,
               "reference": None, "timestamp": stamp(time.time())}
        if self.fault("forget-pin") is None:
            self.pins[cid] = pin
            for peer in self.holders(pin):
                self.track(peer, cid, [QUEUED, time.time(), 0, "", 0])
        return pin

    def holders(self, pin):
        return [peer for peer in self.peers if not pin["allocations"] or peer.id in pin["allocations"]]

    def track(self, peer, cid, entry):
        before = peer.tracked.get(cid)
        if before and before[0] == PINNED and self.is_whole(peer, cid):
            return
        peer.tracked[cid] = entry
        if self.pace == 0:
            self.advance(peer, cid)

    def unpin(self, cid):
        pin = self.pins.pop(cid)
        for peer in self.peers:
            peer.tracked.pop(cid, None)
            if cid in peer.node.store.pins:
                peer.node.store.unpin(cid)
        return pin

    def recover(self, cid):
        for peer in self.holders(self.pins[cid]):
            entry = peer.tracked.get(cid)
            if entry and entry[0] in (ERROR, "unexpectedly_unpinned") or self.faults.get("stuck") is None and entry:
                peer.tracked[cid] = [QUEUED, time.time(), entry[2] if entry else 0, "", 0]
                if self.pace == 0:
                    self.advance(peer, cid)

    # --- the machine of states ---

    def advance(self, peer, cid):
        """Does what a peer does with a pin between two looks: queued, pinning, pinned or failed."""
        entry = peer.tracked.get(cid)
        if entry is None or entry[0] not in (QUEUED, PINNING) or self.is_down(peer) or "stuck" in self.faults:
            return
        entry[4] += 1
        if entry[4] <= self.pace:
            return
        entry[4] = 0
        if entry[0] == QUEUED:
            entry[0], entry[1] = PINNING, time.time()
            if self.pace:
                return
        problem = self.fetch(peer, cid)
        fault = self.faults.get("pin-error")
        if fault is not None and self.peers.index(peer) in fault.get("peers", range(len(self.peers))):
            problem = fault.get("message", "context deadline exceeded")
            entry[2] = max(entry[2], fault.get("attempts", 0) - 1)
        if problem:
            entry[0:4] = [ERROR, time.time(), entry[2] + 1, problem]
        else:
            mode = self.pins[cid]["mode"]
            peer.node.store.pin(cid, RECURSIVE if mode == "recursive" else mode, "")
            entry[0:4] = [PINNED, time.time(), entry[2] + 1, ""]

    def fetch(self, peer, root):
        """Brings what is missing from other nodes; what is not to be had, in Kubo's words."""
        store = peer.node.store
        seen, stack = set(), [root]
        try:
            while stack:
                cid = stack.pop()
                if cid in seen:
                    continue
                seen.add(cid)
                if not store.has(cid):
                    for other in self.peers:
                        if not self.is_down(other) and other.node.store.has(cid):
                            store.put(cid, other.node.store.get(cid))
                            break
                store.get(cid)
                stack.extend(store.links(cid))
        except Missing as error:
            return str(error)
        return ""

    def is_whole(self, peer, root):
        try:
            for _ in peer.node.store.walk(root):
                pass
        except Missing:
            return False
        return True

    # --- what is said ---

    def status(self, cid):
        """What all peers say of a CID, each of them one step further than when it was looked at before."""
        pin = self.pins.get(cid)
        rows, now = {}, stamp(time.time())
        for index, peer in enumerate(self.peers):
            word, since, attempts, problem = "unpinned", now, 0, ""
            if pin and self.is_down(peer):
                word, problem = "cluster_error", "dial backoff"
            elif pin and peer not in self.holders(pin):
                word = "remote"
            elif pin:
                self.advance(peer, cid)
                word, began, attempts, problem, _ = peer.tracked[cid]
                since = stamp(began)
                if word == PINNED and cid not in peer.node.store.pins:
                    word = "unexpectedly_unpinned"
            word, since, attempts = self.falsify(index, word, since, attempts)
            rows[peer.id] = {"peername": peer.name, "ipfs_peer_id": peer.node_id, "ipfs_peer_addresses": [],
                             "status": word, "timestamp": since, "error": problem, "attempt_count": attempts,
                             "priority_pin": False}
        return {"cid": str(cid), "name": pin["name"] if pin else "", "allocations": pin["allocations"] if pin else [],
                "origins": pin["origins"] if pin else [], "created": pin["timestamp"] if pin else NEVER,
                "metadata": pin["metadata"] if pin else None, "peer_map": rows}

    def falsify(self, index, word, since, attempts):
        """What a peer says while a fault has it say something else."""
        fault = self.faults.get("say")
        if fault is None or index not in fault.get("peers", range(len(self.peers))):
            return word, since, attempts
        since = stamp(time.time() - fault["age"]) if "age" in fault else since
        return fault.get("status", word), since, fault.get("attempts", attempts)

    def identity(self, index=0):
        peer = self.peers[index]
        up = [each.id for each in self.peers if not self.is_down(each)]
        return {"id": peer.id, "addresses": [f"/ip4/127.0.0.1/tcp/9096/p2p/{peer.id}"], "cluster_peers": up,
                "cluster_peers_addresses": [], "version": VERSION, "commit": "", "error": "",
                "rpc_protocol_version": "/ipfscluster/1.0/rpc", "ipfs": {"id": peer.node_id, "addresses": [], "error": ""}, "peername": peer.name}

    def metrics(self):
        rows = []
        fault = self.faults.get("metrics", {})
        for index, peer in enumerate(self.peers):
            if self.is_down(peer) or index in fault.get("missing", ()):
                continue
            free = 1_000_000_000 * (index + 1)
            rows.append({"name": "freespace", "peer": peer.id, "value": str(fault.get("value", free)), "weight": free,
                         "expire": int((time.time() + fault.get("age", 30)) * 1e9),
                         "valid": index not in fault.get("invalid", ()), "partitionable": False,
                         "received_at": int(time.time() * 1e9)})
        return rows

    def many(self, count):
        """Entries of a large pinset as bytes, some at a time, without any of them in memory."""
        head = (b'{"replication_factor_min":2,"replication_factor_max":3,"name":"","mode":"recursive","shard_size":0,'
                b'"user_allocations":null,"expire_at":"0001-01-01T00:00:00Z","metadata":null,"pin_update":null,'
                b'"origins":[],"cid":"')
        peers = b",".join(b'"' + peer.id.encode() + b'"' for peer in self.peers)
        tail = (b'","type":2,"allocations":[' + peers + b'],"max_depth":-1,"reference":null,'
                b'"timestamp":"2026-11-01T00:00:00Z"}\n')
        for start in range(0, count, 500):
            lines = []
            for number in range(start, min(start + 500, count)):
                raw = b"\x01\x55\x12\x20" + number.to_bytes(8, "big") + b"\x5a" * 24
                lines += [head, b"b", base64.b32encode(raw).rstrip(b"=").lower(), tail]
            yield b"".join(lines)
