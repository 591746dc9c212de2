"""Drives the simulator's uploads by tuspy, the client of tus for Python, and looks at what came.

usage: check_tus.py

A CAR is uploaded in one go, and another one whose upload breaks off in the middle and is gone on with. It ends with 1
where something is not as it should be.
"""

import hashlib
import io
import sys

import check
from content import car, ipld
from multiformats import DAG_PB, RAW, cid_of, varint
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError


def sample(seed, count):
    """A CAR of a node with some leaves, and its root."""
    leaves = [hashlib.sha256(b"%d %d" % (seed, number)).digest() * 4096 for number in range(count)]
    cids = [cid_of(leaf, RAW, 1) for leaf in leaves]
    node = ipld.encode_pb(ipld.Node([ipld.Link(cid, b"", len(leaf)) for cid, leaf in zip(cids, leaves)], None))
    root = cid_of(node, DAG_PB, 1)
    head = car.header([root])
    data = varint(len(head)) + head
    for cid, block in [(root, node), *zip(cids, leaves)]:
        data += varint(len(cid.binary) + len(block)) + cid.binary + block
    return str(root), data


def uploader(simulator, root, data, part):
    client = TusClient(f"http://127.0.0.1:{simulator.port}/v3/files", headers={"Authorization": "Bearer secret"})
    metadata = {"filename": f"{root}.car", "filetype": "application/vnd.ipld.car", "network": "public", "car": "true",
                "name": "sample", "keyvalues": '{"a":"b"}'}
    return client.uploader(file_stream=io.BytesIO(data), chunk_size=part, metadata=metadata)


def main():
    with check.Simulator() as simulator:
        root, data = sample(1, 20)
        uploader(simulator, root, data, 1 << 20).upload()
        _, listed = simulator.send("GET", f"/v3/files/public?cid={root}")
        files = listed["data"]["files"]
        check.expect("an upload in parts", [(file["cid"], file["size"], file["name"]) for file in files],
                     [(root, len(data), "sample")])

        root, data = sample(2, 40)
        upload = uploader(simulator, root, data, 1 << 20)
        upload.upload_chunk()
        simulator.send("PUT", "/-/fault/half-part", '{"times": 1}')
        try:
            upload.upload_chunk()
            broke = False
        except TusCommunicationError:
            broke = True
        check.expect("an upload that breaks off", broke, True)
        again = uploader(simulator, root, data, 1 << 20)
        again.set_url(upload.url)
        again.offset = again.get_offset()
        check.expect("what came stays", again.offset, (1 << 20) + (1 << 19))
        again.upload()
        _, listed = simulator.send("GET", f"/v3/files/public?cid={root}")
        check.expect("and is gone on with", [file["cid"] for file in listed["data"]["files"]], [root])

        root, data = sample(3, 2)
        damaged = data[:-1] + bytes([data[-1] ^ 1])
        try:
            uploader(simulator, root, damaged, 1 << 20).upload()
            taken = True
        except TusCommunicationError:
            taken = False
        check.expect("a CAR that was changed on its way", taken, False)
    print(f"{sum(check.LOG)} of {len(check.LOG)} checks agree.")
    sys.exit(0 if all(check.LOG) else 1)


if __name__ == "__main__":
    main()
