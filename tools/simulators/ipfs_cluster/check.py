"""Holds the simulator to what is known of a cluster: statuses, forms of answers, trailers, and the states of pins.

usage: check.py

It starts simulators of its own, asks as any client may, and ends with 1 where an answer is another one than README.md
says.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "kubo"))

import car  # noqa: E402
from multiformats import RAW, cid_of, varint  # noqa: E402

PIN = {"replication_factor_min", "replication_factor_max", "name", "mode", "shard_size", "user_allocations", "expire_at",
       "metadata", "pin_update", "origins", "cid", "type", "allocations", "max_depth", "reference", "timestamp"}
STATUS = {"cid", "name", "allocations", "origins", "created", "metadata", "peer_map"}
PEER = {"peername", "ipfs_peer_id", "ipfs_peer_addresses", "status", "timestamp", "error", "attempt_count",
        "priority_pin"}
problems = []


def expect(what, holds):
    if not holds:
        problems.append(what)
        print("not so:", what)


def archive(*contents):
    """A CAR of one root, a block of bytes, and others."""
    blocks = [(cid_of(data, RAW, 1), data) for data in contents]
    head = car.header([blocks[0][0]])
    sections = [varint(len(cid.binary) + len(data)) + cid.binary + data for cid, data in blocks]
    return str(blocks[0][0]), varint(len(head)) + head + b"".join(sections)


class Simulator:
    def __init__(self, *switches):
        command = [sys.executable, os.path.join(HERE, "server.py"), *switches]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        ports = json.loads(self.process.stdout.readline())
        self.api, self.proxies = ports["api"], ports["proxies"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, target, body=None, headers=None, port=None):
        """The status, the fields, and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.api, timeout=30)
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, answer.headers, data

    def raw(self, method, target):
        """An answer as it came, with what stands behind it."""
        with socket.create_connection(("127.0.0.1", self.api), timeout=30) as connection:
            connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            pieces = []
            while piece := connection.recv(1 << 16):
                pieces.append(piece)
        return b"".join(pieces)

    def value(self, method, target):
        status, _, data = self.ask(method, target)
        return status, json.loads(data)

    def add(self, data, query=""):
        head = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.car\"\r\n\r\n"
        form = head + data + b"\r\n--x--\r\n"
        return self.ask("POST", "/add?format=car" + query, form, {"Content-Type": "multipart/form-data; boundary=x"})

    def fault(self, name, **fields):
        self.ask("PUT", f"/-/fault/{name}", json.dumps(fields))

    def states(self, root):
        return [peer["status"] for peer in self.value("GET", f"/pins/{root}")[1]["peer_map"].values()]


def check_pins():
    root, data = archive(b"one block")
    other, _ = archive(b"another")
    with Simulator("--replication", "2:2") as cluster:
        expect("nothing in a list is a 204", cluster.ask("GET", "/allocations")[0] == 204)
        expect("no pin is a 404 in JSON", cluster.value("GET", f"/allocations/{root}") == (
            404, {"code": 404, "message": "not found"}))
        expect("what is not pinned is unpinned everywhere", cluster.states(root) == ["unpinned"] * 3)
        status, _, lines = cluster.add(data, "&name=n%20m&meta-k=v")
        expect("a CAR is added, and its root is told", status == 200 and json.loads(lines)["cid"] == root)
        expect("two peers of three have it", sorted(cluster.states(root)) == ["pinned", "pinned", "remote"])
        status, pin = cluster.value("GET", f"/allocations/{root}")
        expect("a pin has its members", status == 200 and set(pin) == PIN)
        expect("and what was said of it", pin["name"] == "n m" and pin["metadata"] == {"k": "v"}
               and pin["replication_factor_min"] == 2 and len(pin["allocations"]) == 2)
        status = cluster.value("GET", f"/pins/{root}")[1]
        expect("a status has its members", set(status) == STATUS and all(
            set(peer) == PEER for peer in status["peer_map"].values()))
        text = cluster.raw("GET", "/allocations?filter=pin")
        expect("a list is chunked and ends with an empty X-Stream-Error",
               b"Trailer: X-Stream-Error" in text and text.endswith(b"0\r\nX-Stream-Error: \r\n\r\n"))
        expect("the pins stay what they are", cluster.value("DELETE", f"/pins/{root}")[1]["cid"] == root)
        expect("what is unpinned is gone at once", cluster.states(root) == ["unpinned"] * 3)
        expect("and is a 404 the next time", cluster.value("DELETE", f"/pins/{root}")[0] == 404)
        expect("what nobody has cannot be pinned", cluster.value("POST", f"/pins/{other}")[0] == 200
               and "pin_error" in cluster.states(other))
        expect("more peers than there are is an error", "not enough peers" in cluster.value(
            "POST", f"/pins/{root}?replication=5")[1]["message"])


def check_states():
    root, data = archive(b"some bytes")
    with Simulator("--pace", "1") as cluster:
        cluster.add(data)
        seen = [cluster.states(root)[0] for _ in range(6)]
        expect("a pin is queued, then pinning, then pinned",
               list(dict.fromkeys(seen)) == ["pin_queued", "pinning", "pinned"])
    with Simulator() as cluster:
        cluster.fault("pin-error", message="no space left on device", peers=[1])
        cluster.add(data)
        expect("one peer fails", cluster.states(root) == ["pinned", "pin_error", "pinned"])
        cluster.ask("DELETE", "/-/fault/pin-error")
        expect("and recovers when it is asked to", cluster.value("POST", f"/pins/{root}/recover")[0] == 200
               and cluster.states(root) == ["pinned"] * 3)
        cluster.fault("peer-down", peers=[2])
        expect("a peer that is down says nothing", cluster.states(root) == ["pinned", "pinned", "cluster_error"])
        body = {"do": "unpin", "cid": root, "peers": [0]}
        cluster.ask("POST", "/-/do", json.dumps(body))
        expect("what a node unpinned by itself is told", cluster.states(root)[0] == "unexpectedly_unpinned")


def check_reading():
    root, data = archive(b"bytes to be read")
    with Simulator("--replication", "1:1") as cluster:
        cluster.add(data)
        holder = cluster.states(root).index("pinned")
        target = f"/api/v0/dag/export?arg={root}&offline=true"
        answers = [cluster.ask("POST", target, port=port) for port in cluster.proxies]
        expect("the proxy of the peer that has it gives it", answers[holder][0] == 200 and answers[holder][2] == data)
        expect("and the others do not", [status for status, _, _ in answers].count(500) == 2)
        identity = json.loads(cluster.ask("POST", "/api/v0/id", port=cluster.proxies[holder])[2])["ID"]
        peers = list(cluster.value("GET", f"/pins/{root}")[1]["peer_map"].values())
        expect("a peer tells the ID of its node", peers[holder]["ipfs_peer_id"] == identity)


def check_access():
    basic = {"Authorization": "Basic " + base64.b64encode(b"me:word").decode()}
    with Simulator("--auth", "me:word") as cluster:
        status, fields, data = cluster.ask("GET", "/id")
        expect("nobody is let in without a password", status == 401 and fields["WWW-Authenticate"].startswith("Basic")
               and json.loads(data)["code"] == 401)
        expect("health is open to all", cluster.ask("GET", "/health")[0] == 204)
        expect("a user is let in", cluster.ask("GET", "/id", headers=basic)[0] == 200)
        token = json.loads(cluster.ask("POST", "/token", headers=basic)[2])["token"]
        expect("and so is his token", cluster.ask("GET", "/id", headers={"Authorization": "Bearer " + token})[0] == 200)
        expect("another is not", cluster.ask("GET", "/id", headers={"Authorization": "Bearer x"})[0] == 401)


def check_faults():
    root, data = archive(b"what goes wrong")
    with Simulator() as cluster:
        cluster.add(data)
        for name, fields, end in [("stream-error", {"after": 1}, b"X-Stream-Error: context canceled\r\n\r\n"),
                                  ("no-trailer", {}, b"0\r\n\r\n"), ("cut", {}, b"}\n\r\n"),
                                  ("duplicates", {}, b"X-Stream-Error: \r\n\r\n")]:
            cluster.fault(name, **fields)
            expect(f"{name} is seen", cluster.raw("GET", "/allocations").endswith(end))
            cluster.ask("DELETE", f"/-/fault/{name}")
        cluster.fault("many", count=1000)
        lines = cluster.ask("GET", "/allocations")[2].split(b"\n")
        roots = {json.loads(line)["cid"] for line in lines[:-1]}
        expect("many pins are listed", len(lines) == 1001 and len(roots) == 1000)
        cluster.fault("status", status=503, text="slow down", headers={"Retry-After": "1"}, times=1)
        expect("a status comes as often as it is to", [cluster.ask("GET", "/id")[0] for _ in range(2)] == [503, 200])
        cluster.fault("wrong-cid")
        expect("something else is told", cluster.value("GET", f"/pins/{root}")[1]["cid"] != root)
        metrics = json.loads(cluster.ask("GET", "/monitor/metrics/freespace")[2])
        expect("each peer tells its room",
               len(metrics) == 3 and {"name", "peer", "value", "expire", "valid"} <= set(metrics[0]))


def main():
    for check in (check_pins, check_states, check_reading, check_access, check_faults):
        check()
    print(f"{len(problems)} answers are not as they should be." if problems else "All answers are as they should be.")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
