"""Holds the simulator to what Kubo's own client sent and was answered, and to the checks of the API's compliance suite.

usage: check.py [FOLDER]

FOLDER holds pinning-client-requests.json; it is IPFS_KIT_FIXTURES/kubo-rpc or else Tests/Fixtures/kubo-rpc. The recorded
requests are sent in their order, byte for byte, to a simulator that has the content of the first pin and of no other;
each answer has to be the recorded one. It ends with 1 where something differs.
"""

import hashlib
import http.client
import json
import os
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
FIRST = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"
LOG = []


def folder():
    places = [*sys.argv[1:], os.path.join(os.environ.get("IPFS_KIT_FIXTURES", ""), "kubo-rpc"),
              os.path.join(TREE, "Tests", "Fixtures", "kubo-rpc")]
    name = "pinning-client-requests.json"
    return next(place for place in places if os.path.exists(os.path.join(place, name)))


class Simulator:
    def __init__(self, *switches):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "server.py"), *switches],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def send(self, method, target, body=None, token="secret", headers=None):
        fields = dict(headers or {})
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body, fields["Content-Type"] = json.dumps(body), "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, target, body=body, headers=fields)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return reply.status, json.loads(text) if text else None


def expect(title, found, wanted):
    LOG.append(found == wanted)
    if found != wanted:
        print(f"{title}:\n  found  {found}\n  wanted {wanted}")


def replay():
    with open(os.path.join(folder(), "pinning-client-requests.json"), encoding="utf-8") as file:
        recorded = json.load(file)
    with Simulator("--have", FIRST, "--clock", "2026-01-01T00:00:00+00:00", "--tick", "86400") as simulator:
        for number, exchange in enumerate(recorded):
            fields = {name: value for name, value in exchange["headers"].items()
                      if name not in ("Host", "Content-Length")}
            found = simulator.send(exchange["method"], exchange["target"], exchange["body"] or None, None, fields)
            wanted = exchange["response"]
            expect(f"exchange {number}, {exchange['method']} {exchange['target']}", found,
                   (wanted["status"], wanted["body"]))
    return len(recorded)


def comply():
    """The checks of the compliance suite, which pins CIDs that nobody has."""
    def cid(number):
        import base64
        binary = b"\x01\x55\x12\x20" + hashlib.sha256(b"%d" % number).digest()
        return "b" + base64.b32encode(binary).decode().lower().rstrip("=")

    every = "status=queued,pinning,pinned,failed"
    with Simulator("--base", "/psa") as simulator:
        send = simulator.send
        for token in (None, "", "wrong"):
            status, body = send("GET", "/psa/pins", token=token)
            expect(f"a list with the token {token}", (status, body["error"]["reason"]), (401, "UNAUTHORIZED"))
        status, made = send("POST", "/psa/pins", {"cid": cid(0), "name": "First"})
        expect("a pin is made", (status, made["status"] in ("queued", "pinning", "pinned")), (202, True))
        expect("and removed at once", send("DELETE", f"/psa/pins/{made['requestid']}"), (202, None))
        expect("and is gone", send("GET", f"/psa/pins/{made['requestid']}")[0], 404)
        _, made = send("POST", "/psa/pins", {"cid": cid(1), "name": "Some Name", "meta": {"app": "a", "b": "c"}})
        for match, name in (("exact", "Some Name"), ("iexact", "sOME nAME"), ("partial", "me Na"), ("ipartial", "ME nA")):
            target = f"/psa/pins?{every}&match={match}&name={urllib.parse.quote(name)}"
            expect(f"a name by {match}", send("GET", target)[1]["count"], 1)
        expect("the default is exact", send("GET", f"/psa/pins?{every}&name=Some")[1]["count"], 0)
        pairs = urllib.parse.quote('{"app":"a"}')
        expect("by what goes with it", send("GET", f"/psa/pins?{every}&meta={pairs}")[1]["count"], 1)
        expect("only pinned ones without a state", send("GET", "/psa/pins")[1]["count"], 0)
        status, new = send("POST", f"/psa/pins/{made['requestid']}", {"cid": cid(2)})
        expect("a replacement", (status, new["requestid"] != made["requestid"], new["pin"]["cid"]), (202, True, cid(2)))
        expect("the old one is gone", send("GET", f"/psa/pins/{made['requestid']}")[0], 404)
        expect("the new one is there", send("GET", f"/psa/pins/{new['requestid']}")[0], 200)
        for number in range(3, 18):
            send("POST", "/psa/pins", {"cid": cid(number)})
        first = send("GET", f"/psa/pins?{every}")[1]
        expect("a page has ten", (len(first["results"]), first["count"]), (10, 16))
        second = send("GET", f"/psa/pins?{every}&before={first['results'][-1]['created']}")[1]
        ids = {each["requestid"] for each in first["results"]} & {each["requestid"] for each in second["results"]}
        expect("the next page is another one", (len(second["results"]), ids), (6, set()))
        for query in ("limit=0", "limit=1001", "status=other", "before=yesterday", "cid=" + ",".join(map(cid, range(11)))):
            expect(f"nonsense as {query[:12]}", send("GET", f"/psa/pins?{query}")[0], 400)
        for body in ({}, {"cid": "no cid"}, {"cid": cid(0), "name": "x" * 256}, {"cid": cid(0), "meta": {"a": 1}}):
            expect(f"nonsense as {str(body)[:40]}", send("POST", "/psa/pins", body)[0], 400)
        for each in send("GET", f"/psa/pins?{every}&limit=1000")[1]["results"]:
            send("DELETE", f"/psa/pins/{each['requestid']}")
        expect("all are gone", send("GET", f"/psa/pins?{every}")[1]["count"], 0)


if __name__ == "__main__":
    count = replay()
    comply()
    print(f"{count} recorded exchanges; {sum(LOG)} of {len(LOG)} checks agree.")
    sys.exit(0 if all(LOG) else 1)
