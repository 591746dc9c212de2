"""The node itself: version, identity, keys and names, tables of CIDs, and what an offline node refuses."""

import base64
import json

from errors import Failure
from multiformats import (BASE58, CODECS, DAG_PB, ENCODERS, HASHES, SHA2_256, Malformed, big, multibase, parse_cid,
                          read_varint)
from node import COMMANDS, command, new_key

VERSION = {"Version": "0.42.0", "Commit": "", "Repo": "18", "System": "amd64/linux", "Golang": "go1.26.6"}
OFFLINE = "this action must be run in online mode, try running 'ipfs daemon' first"
NOT_OFFLINE = "this command must be run in online mode. Try running 'ipfs daemon' first"
BASES = {"identity": 0, "base2": "0", "base16": "f", "base16upper": "F", "base32": "b", "base32upper": "B",
         "base32pad": "c", "base32padupper": "C", "base32hex": "v", "base32hexupper": "V", "base32hexpad": "t",
         "base32hexpadupper": "T", "base36": "k", "base36upper": "K", "base58btc": "z", "base58flickr": "Z",
         "base64": "m", "base64pad": "M", "base64url": "u", "base64urlpad": "U", "base256emoji": "\U0001F680"}
CONFIGURATION = {"Datastore.StorageMax": "10GB"}


@command("version", options={"number": (bool, "n"), "commit": bool, "repo": bool, "all": bool})
def version(call):
    encoding = call.option("encoding", "json")
    if encoding == "text":
        call.reply.start(content_type="text/plain")
        call.reply.chunk(b"ipfs version 0.42.0\n")
    elif encoding == "xml":
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in VERSION.items())
        call.reply.start(content_type="application/xml")
        call.reply.chunk(f"<VersionInfo>{inner}</VersionInfo>".encode())
    else:
        call.once(VERSION)


@command("id", ["peerid?"], {"format": (str, "f"), "peerid-base": str})
def identity(call):
    if call.arguments:
        raise Failure(OFFLINE)
    key = call.node.key
    call.once({"ID": big(key.hash, BASE58), "PublicKey": base64.b64encode(key.digest).decode(), "Addresses": None,
               "AgentVersion": "kubo/0.42.0", "Protocols": None})


@command("commands", options={"flags": (bool, "f")})
def commands(call):
    top = {"Name": "ipfs", "Subcommands": [], "Options": []}
    for path in COMMANDS:
        level = top
        for name in path.split("/"):
            found = next((each for each in level["Subcommands"] if each["Name"] == name), None)
            if found is None:
                found = {"Name": name, "Subcommands": [], "Options": []}
                level["Subcommands"].append(found)
            level = found
        level["Options"] = [{"Names": [name, kind[1]] if isinstance(kind, tuple) else [name]}
                            for name, kind in COMMANDS[path].options.items()]
    call.once(top)


# --- what needs other nodes ------------------------------------------------------------------------------------------

@command("swarm/peers", options={"verbose": (bool, "v"), "streams": bool, "latency": bool, "direction": bool,
                                 "identify": bool})
@command("swarm/addrs")
@command("swarm/addrs/local", options={"id": bool})
def needs_peers(call):
    raise Failure(OFFLINE)


@command("swarm/connect", ["address+"])
def swarm_connect(call):
    raise Failure(f"connect {call.arguments[0].rpartition('/')[2]} failure: {OFFLINE}")


@command("stats/bw")
@command("bitswap/stat")
def needs_network(call):
    raise Failure(f"unable to run offline: {NOT_OFFLINE}", code=1)


@command("routing/findprovs", ["key+"], {"verbose": (bool, "v"), "num-providers": (int, "n")})
def needs_routing(call):
    raise Failure(NOT_OFFLINE)


@command("bootstrap/list")
def bootstrap(call):
    call.once({"Peers": []})


@command("config", ["key", "value?"], {"bool": bool, "json": bool})
def config(call):
    key = call.arguments[0]
    if len(call.arguments) > 1:
        CONFIGURATION[key] = call.arguments[1]
    if key not in CONFIGURATION:
        raise Failure(f"failed to get config value: {json.dumps(key)}: key not found")
    call.once({"Key": key, "Value": CONFIGURATION[key]})


@command("shutdown")
def shutdown(call):
    call.node.stopping = True


# --- keys and names --------------------------------------------------------------------------------------------------

def keys(call):
    return call.store.values["keys"]


@command("key/gen", ["name"], {"type": (str, "t"), "size": (int, "s"), "ipns-base": str})
def key_gen(call):
    name = call.arguments[0]
    if name == "self":
        raise Failure("cannot create key with name 'self'")
    if name in keys(call):
        raise Failure(f"key with name '{name}' already exists")
    keys(call)[name] = new_key()[0].text("base36")
    call.store.save()
    call.once({"Name": name, "Id": keys(call)[name]})


@command("key/list", options={"l": bool, "ipns-base": str})
@command("key/ls", options={"l": bool, "ipns-base": str})
def key_list(call):
    names = ["self", *sorted(name for name in keys(call) if name != "self")]
    call.once({"Keys": [{"Name": name, "Id": keys(call)[name]} for name in names]})


@command("key/rename", ["name", "newName"], {"force": (bool, "f"), "ipns-base": str})
def key_rename(call):
    old, new = call.arguments[:2]
    if old == "self":
        raise Failure("cannot rename key with name 'self'")
    if new == "self":
        raise Failure("cannot overwrite key with name 'self'")
    if old not in keys(call):
        raise Failure(f"no key named {old} was found")
    there = new in keys(call)
    if there and not call.option("force", False):
        raise Failure(f"key by that name already exists, refusing to overwrite it: {new}")
    keys(call)[new] = keys(call).pop(old)
    call.store.save()
    call.once({"Was": old, "Now": new, "Id": keys(call)[new], "Overwrite": there})


@command("key/rm", ["name+"], {"l": bool, "ipns-base": str})
def key_rm(call):
    gone = []
    for name in call.arguments:
        if name == "self":
            raise Failure("cannot remove key with name 'self'")
        if name not in keys(call):
            raise Failure(f"no key named {name} was found")
        gone.append({"Name": name, "Id": keys(call).pop(name)})
    call.store.save()
    call.once({"Keys": gone})


@command("name/publish", ["ipfs-path"], {"key": (str, "k"), "resolve": bool, "lifetime": (str, "t"), "ttl": str,
                                         "quieter": (bool, "Q"), "v1compat": bool, "allow-offline": bool,
                                         "sequence": int, "ipns-base": str})
def name_publish(call):
    if not call.option("allow-offline", False):
        raise Failure("can't publish while offline: pass `--allow-offline` to override")
    wanted = call.option("key", "self")
    key = keys(call).get(wanted, wanted if wanted in keys(call).values() else None)
    if key is None:
        raise Failure(f"no key by the given name or PeerID was found: {wanted}")
    cid, names = call.parse(call.arguments[0])
    path = "/ipfs/" + "/".join([str(cid), *names])
    if call.option("resolve", True):
        call.store.get(call.resolve(path)[0])
    call.store.values["names"][key] = path
    call.store.save()
    call.once({"Name": key, "Value": path})


@command("name/resolve", ["name?"], {"recursive": (bool, "r"), "nocache": (bool, "n"), "stream": (bool, "s"),
                                     "dht-record-count": int, "dht-timeout": str})
def name_resolve(call):
    name = call.arguments[0] if call.arguments else keys(call)["self"]
    call.once({"Path": call.name(name.removeprefix("/ipns/"))})


@command("resolve", ["name"], {"recursive": (bool, "r"), "dht-record-count": int, "dht-timeout": str})
def resolve(call):
    cid, left = call.resolve(call.arguments[0])
    call.once({"Path": "/ipfs/" + "/".join([call.encode(cid), *left])})


# --- CIDs and bases --------------------------------------------------------------------------------------------------

def formatted(text, version_wanted, base):
    try:
        cid = parse_cid(text)
        if version_wanted == 0 and (cid.codec != DAG_PB or cid.hash_code != SHA2_256):
            raise Malformed("can't convert non-dag-pb or non-sha256 CIDs to cidv0")
    except Malformed as error:
        return {"CidStr": text, "Formatted": "", "ErrorMsg": f"invalid cid: {error}"}
    if version_wanted is not None:
        cid = cid._replace(version=version_wanted)
    if base and cid.version == 0 and base != "base58btc":
        return {"CidStr": text, "Formatted": "", "ErrorMsg": "cannot convert CIDv0 to a base other than base58btc"}
    return {"CidStr": text, "Formatted": cid.text(base), "ErrorMsg": ""}


@command("cid/format", ["cid+"], {"f": str, "v": str, "mc": str, "b": str})
def cid_format(call):
    wanted = call.option("v", "")
    for text in call.arguments:
        call.emit(formatted(text, int(wanted) if wanted else None, call.option("b")))


@command("cid/base32", ["cid+"])
def cid_base32(call):
    for text in call.arguments:
        call.emit(formatted(text, 1, "base32"))


@command("cid/codecs", options={"numeric": (bool, "n"), "supported": (bool, "s")})
def cid_codecs(call):
    call.once([{"Code": code, "Name": name} for name, code in sorted(CODECS.items(), key=lambda each: each[1])])


@command("cid/hashes", options={"numeric": (bool, "n"), "supported": (bool, "s")})
def cid_hashes(call):
    call.once([{"Code": code, "Name": name} for name, code in HASHES.items()])


@command("cid/bases", options={"prefix": bool, "numeric": (bool, "n")})
def cid_bases(call):
    call.once([{"Code": ord(code) if code else 0, "Name": name} for name, code in BASES.items()])


@command("cid/inspect", ["cid"])
def cid_inspect(call):
    cid = parse_cid(call.arguments[0])
    size = len(cid.digest)
    base = "base58btc" if cid.version == 0 else next(
        name for name, code in BASES.items() if code == call.arguments[0][0])
    value = {"cid": call.arguments[0], "version": cid.version,
             "multibase": {"prefix": BASES[base], "name": base},
             "multicodec": {"code": cid.codec, "name": next(n for n, c in CODECS.items() if c == cid.codec)},
             "multihash": {"code": cid.hash_code, "name": next(n for n, c in HASHES.items() if c == cid.hash_code),
                           "length": size, "digest": cid.digest.hex()}}
    if cid.codec == DAG_PB and read_varint(cid.hash)[0] == SHA2_256:
        value["cidV0"] = str(cid._replace(version=0))
    call.once({**value, "cidV1": str(cid.v1)})


@command("multibase/encode", file="file", options={"b": str})
def multibase_encode(call):
    base = call.option("b", "base64url")
    if base not in ENCODERS:
        raise Failure("multibase: base encoding not supported")
    data = b"".join(part.whole() for part in call.parts())
    call.stream()
    call.reply.chunk(multibase(data, base).encode())


# --- pinning services ------------------------------------------------------------------------------------------------

@command("pin/remote/service/add", ["name", "endpoint", "key"])
def service_add(call):
    name, endpoint, key = call.arguments[:3]
    services = call.store.values["services"]
    if name in services:
        raise Failure("service already present")
    services[name] = [endpoint, key]
    call.store.save()


@command("pin/remote/service/rm", ["name"])
def service_rm(call):
    call.store.values["services"].pop(call.arguments[0], None)
    call.store.save()


@command("pin/remote/service/ls", options={"stat": bool})
def service_ls(call):
    if call.option("stat", False):
        raise Failure("the simulator asks no pinning service")
    call.once({"RemoteServices": [{"Service": name, "ApiEndpoint": endpoint}
                                  for name, (endpoint, _) in call.store.values["services"].items()]})


REMOTE = {"service": str, "name": str, "cid": list, "status": list, "background": bool, "force": bool}


@command("pin/remote/add", ["ipfs-path"], REMOTE)
@command("pin/remote/ls", options=REMOTE)
@command("pin/remote/rm", options=REMOTE)
def remote(call):
    if call.option("service") not in call.store.values["services"]:
        raise Failure("service not known")
    for status in call.option("status", []):
        if status not in ("queued", "pinning", "pinned", "failed"):
            raise Failure(f"error while listing remote pins: status {json.dumps(status)} is not valid")
    raise Failure("the simulator asks no pinning service")
