"""The files of an account at Pinata: uploads in one request and by tus 1.0.0, lists, and what else is asked."""

import base64
import io
import json
import re
import tempfile

from content import read_cid, same
from multiformats import Malformed
from replies import Problem, Reply, bad, missing

SINGLE, PART = 100_000_000, 52_428_801
TUS = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0"}


class Files:
    def __init__(self, content, faults, clock):
        self.content, self.faults, self.clock = content, faults, clock
        self.files, self.uploads, self.count, self.hidden = {}, {}, 0, 0

    def answer(self, method, path, query, headers, body):
        """The answer to a request that is not for the pinning API; None where it is nobody's."""
        if path == "/data/testAuthentication" and method == "GET":
            return Reply.json({"message": "Congratulations! You are communicating with the Pinata API!"})
        if path == "/data/userPinnedDataTotal" and method == "GET":
            sizes = [file["size"] for file in self.files.values()]
            return Reply.json({"pin_count": len(sizes), "pin_size_total": str(sum(sizes))})
        if path == "/v3/files" and method == "POST":
            return self.begin(headers) if "Tus-Resumable" in headers else self.upload(headers, body)
        found = re.fullmatch(r"/v3/files/upload-(\d+)", path)
        if found:
            return self.go_on(method, int(found[1]), headers, body)
        if path == "/v3/files/public" and method == "GET":
            return self.list(query)
        found = re.fullmatch(r"/v3/files/public/([^/]+)", path)
        if found and method == "DELETE":
            file = self.files.pop(found[1], None)
            if file is None:
                raise missing("file")
            if not any(each["cid"] == file["cid"] for each in self.files.values()):
                self.content.drop(read_cid(file["cid"]))
            return Reply.json({"data": None})
        return None

    # --- uploads in one request

    def upload(self, headers, body):
        if len(body) > SINGLE + (1 << 20):
            raise Problem(413, "PAYLOAD_TOO_LARGE", "Files above 100 MB are uploaded by tus")
        fields, file = form(headers.get("Content-Type", ""), body)
        if file is None:
            raise bad("there is no file")
        return Reply.json({"data": self.keep(fields, io.BytesIO(file), len(file))})

    def keep(self, fields, file, size):
        if fields.get("car") != "true":
            raise Problem(403, "FORBIDDEN", "This type of file is not allowed on your plan")
        if fields.get("network", "private") != "public":
            raise bad("CARs are imported to the public network only")
        try:
            keyvalues = json.loads(fields.get("keyvalues", "{}"))
            root, blocks = self.content.read_car(file)
        except (ValueError, Malformed) as error:
            raise bad(f"the CAR cannot be imported: {error}") from error
        known = next((each for each in self.files.values() if same(read_cid(each["cid"])) == same(root)), None)
        if known is not None:
            return known | {"is_duplicate": True}
        self.content.keep(root, blocks)
        self.count += 1
        entry = {"id": f"0198-{self.count:08d}", "name": fields.get("name", ""), "cid": str(root), "size": size,
                 "number_of_files": 1, "mime_type": "application/vnd.ipld.car", "group_id": fields.get("group_id"),
                 "keyvalues": keyvalues, "created_at": self.clock.next(False)}
        self.files[entry["id"]] = entry
        self.hidden = (self.faults.get("unlisted") or {}).get("looks", 0)
        return entry

    # --- uploads that are gone on with

    def begin(self, headers):
        length = headers.get("Upload-Length", "")
        if headers["Tus-Resumable"] != "1.0.0" or not length.isdigit():
            raise Problem(412, "PRECONDITION_FAILED", "tus 1.0.0 is spoken here")
        metadata = {}
        for pair in filter(None, headers.get("Upload-Metadata", "").split(",")):
            name, _, value = pair.strip().partition(" ")
            metadata[name] = base64.b64decode(value, validate=True).decode()
        number = len(self.uploads) + 1
        self.uploads[number] = {"length": int(length), "fields": metadata, "file": tempfile.TemporaryFile(), "offset": 0}
        return Reply(201, TUS | {"Location": f"/v3/files/upload-{number}"})

    def go_on(self, method, number, headers, body):
        upload = self.uploads.get(number)
        if upload is None:
            raise missing("upload")
        if headers.get("Tus-Resumable") != "1.0.0":
            raise Problem(412, "PRECONDITION_FAILED", "tus 1.0.0 is spoken here")
        if method == "HEAD":
            return Reply(200, TUS | {"Upload-Offset": str(upload["offset"]), "Upload-Length": str(upload["length"]),
                                     "Cache-Control": "no-store"})
        if method != "PATCH":
            raise Problem(405, "METHOD_NOT_ALLOWED")
        if headers.get("Content-Type") != "application/offset+octet-stream":
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE")
        if headers.get("Upload-Offset") != str(upload["offset"]):
            raise Problem(409, "CONFLICT", f"The offset is {upload['offset']}")
        if len(body) > PART or upload["offset"] + len(body) > upload["length"]:
            raise Problem(413, "PAYLOAD_TOO_LARGE")
        taken = self.faults.get("half-part")
        if taken is not None:
            body = body[:len(body) // 2]
        upload["file"].seek(upload["offset"])
        upload["file"].write(body)
        upload["offset"] += len(body)
        if taken is not None:
            # The connection breaks, and what came stays.
            raise ConnectionError
        fields = TUS | {"Upload-Offset": str(upload["offset"])}
        if upload["offset"] == upload["length"]:
            upload["file"].seek(0)
            fields["Upload-CID"] = self.keep(upload["fields"], upload["file"], upload["length"])["cid"]
            del self.uploads[number]
        return Reply(204, fields)

    # --- lists

    def list(self, query):
        known = {"limit", "pageToken", "cid", "name", "group"}
        if not set(query) <= known:
            raise bad(f"there is no parameter {sorted(set(query) - known)[0]}")
        files = [file for file in self.files.values() if query.get("cid") in (None, file["cid"])
                 and query.get("name", "") in file["name"] and query.get("group") in (None, file["group_id"])]
        if self.hidden > 0:
            self.hidden -= 1
            files = []
        files.sort(key=lambda file: file["id"], reverse=True)
        limit = min(int(query.get("limit", "10")), (self.faults.get("page") or {}).get("size", 1000))
        start = int(query.get("pageToken", "0"))
        rest = files[start + limit:]
        token = str(start + limit) if rest else ""
        if self.faults.active("same-page"):
            start, token = 0, str(int(query.get("pageToken", "0")) + 1)
        return Reply.json({"data": {"files": files[start:start + limit], "next_page_token": token}})


def form(content_type, body):
    """The fields of a form, and the bytes of its file."""
    found = re.fullmatch(r'multipart/form-data; boundary="?([^"]+)"?', content_type)
    if not found:
        raise bad("the body is no form")
    mark, fields, file = b"--" + found[1].encode(), {}, None
    if not body.rstrip(b"\r\n").endswith(mark + b"--"):
        raise bad("the form has no end")
    for part in body.split(b"\r\n" + mark) if not body.startswith(mark) else (b"\r\n" + body).split(b"\r\n" + mark):
        head, gap, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if not gap or not name:
            continue
        if re.search(rb'filename="', head):
            file = value
        else:
            fields[name[1].decode()] = value.decode()
    return fields, file
