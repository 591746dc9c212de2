"""The files of a user on a disk, and what the server does with them."""

import hashlib
import itertools
import os
import re
import shutil
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

from replies import Problem, Reply, date, multistatus, response

DAV, OC = "DAV:", "http://owncloud.org/ns"
LEAST_CHUNK, MOST_CHUNKS = 5_000_000, 10_000
ALL = [(DAV, name) for name in ("resourcetype", "getcontentlength", "getlastmodified", "getetag", "getcontenttype",
                                "quota-used-bytes", "quota-available-bytes")]


def not_found(name):
    return Problem(404, "NotFound", f"File with name {name} could not be located")


class Files:
    def __init__(self, root, quota):
        self.root, self.quota, self.lock = root, quota, threading.RLock()
        self.numbers, self.destinations = itertools.count(1), {}
        for place in ("files", "uploads", "incoming"):
            os.makedirs(os.path.join(root, place), exist_ok=True)

    def path(self, place, name):
        return os.path.join(self.root, place, *(part for part in name.split("/") if part))

    def answer(self, method, place, lead, name, headers, body):
        if place == "uploads":
            return self.upload(method, lead, name, headers, body)
        handler = getattr(self, "do_" + method.lower(), None)
        if handler is None:
            raise Problem(501, "NotImplemented", f"There was no plugin that was willing to handle {method}")
        return handler(place, lead, name, headers, body)

    # --- uploads in chunks

    def upload(self, method, lead, name, headers, body):
        folder, _, chunk = name.partition("/")
        if not folder or "/" in chunk or method not in ("MKCOL", "PUT", "MOVE", "DELETE", "PROPFIND"):
            raise Problem(405, "MethodNotAllowed", f"{method} is not allowed here")
        if method == "MKCOL" and not chunk:
            reply = self.do_mkcol("uploads", lead, name, headers, body)
            self.destinations[folder] = headers.get("Destination")
            return reply
        if not os.path.isdir(self.path("uploads", folder)):
            raise not_found(folder)
        if method == "PUT" and chunk:
            self.check_chunk(folder, chunk, headers)
            return self.do_put("uploads", lead, name, headers, body)
        if method == "MOVE" and chunk == ".file":
            self.check_destination(folder, headers)
            return self.assemble(folder, headers)
        if method == "DELETE" or method == "PROPFIND":
            return getattr(self, "do_" + method.lower())("uploads", lead, name, headers, body)
        raise Problem(405, "MethodNotAllowed", f"{method} is not allowed here")

    def check_destination(self, folder, headers):
        """Version 2 wants one destination in all requests of an upload."""
        wanted = self.destinations.get(folder)
        if wanted is not None and headers.get("Destination") != wanted:
            raise Problem(400, "BadRequest", "The destination is missing, or another one than before")

    def check_chunk(self, folder, chunk, headers):
        self.check_destination(folder, headers)
        if self.destinations.get(folder) is None:
            return
        if not re.fullmatch(r"\d{1,5}", chunk) or not 1 <= int(chunk) <= MOST_CHUNKS:
            raise Problem(400, "BadRequest", "Invalid chunk name, must be numeric between 1 and 10000")

    def assemble(self, folder, headers):
        """Puts the chunks together in the order of their names; what does not add up takes the upload with it."""
        source = self.path("uploads", folder)
        with self.lock:
            chunks = sorted(os.listdir(source), key=lambda name: (len(name), name) if name.isdigit() else (0, name))
            sizes = [os.path.getsize(os.path.join(source, chunk)) for chunk in chunks]
            wanted = headers.get("OC-Total-Length")
            if wanted is not None and wanted != str(sum(sizes)):
                shutil.rmtree(source)
                raise Problem(400, "BadRequest",
                              f"Chunks on server do not sum up to {wanted} but to {sum(sizes)} bytes")
            if self.destinations.get(folder) and any(size < LEAST_CHUNK for size in sizes[:-1]):
                raise Problem(400, "BadRequest", "EntityTooSmall: a chunk is smaller than 5 MB")
            target = self.destination(headers)
            existed = self.check_target(target, headers)
            if os.path.isdir(self.path("files", target)):
                raise Problem(400, "BadRequest", f"The given destination {target} is a directory.")
            self.check_quota(sum(sizes))
            whole = self.new_file()
            with open(whole, "wb") as file:
                for chunk in chunks:
                    with open(os.path.join(source, chunk), "rb") as part:
                        shutil.copyfileobj(part, file, 1 << 20)
            os.replace(whole, self.path("files", target))
            shutil.rmtree(source)
            self.destinations.pop(folder, None)
            return self.stored("files", target, headers, 204 if existed else 201)

    def expire(self):
        """What the server does with uploads of which nobody heard for a day."""
        with self.lock:
            for folder in os.listdir(self.path("uploads", "")):
                shutil.rmtree(self.path("uploads", folder))

    def pending(self):
        top = self.path("uploads", "")
        return {folder: sorted(os.listdir(os.path.join(top, folder))) for folder in os.listdir(top)}

    # --- rules

    @staticmethod
    def check_name(name):
        if name.lower().endswith((".part", ".filepart")):
            ending = name.rsplit(".", 1)[1]
            raise Problem(400, "InvalidPath", f'Filenames must not end with ".{ending}".')

    def check_quota(self, length):
        if self.quota is not None and length > self.free():
            raise Problem(507, "InsufficientStorage",
                          f"Insufficient space in , {length} required, {self.free()} available")

    def used(self, path=None):
        path = path or self.path("files", "")
        return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)

    def free(self):
        return max(0, self.quota - self.used())

    def destination(self, headers):
        text = headers.get("Destination")
        if text is None:
            raise Problem(400, "BadRequest", "The destination header was not supplied")
        path = urllib.parse.unquote(urllib.parse.urlsplit(text).path)
        found = re.fullmatch(r"/remote\.php/(?:dav/files/[^/]+|webdav)/(.+?)/?", path)
        if not found:
            raise Problem(403, "Forbidden", f"Requested uri ({path}) is out of base uri")
        return found[1]

    def check_target(self, target, headers):
        """Whether something has the name to which something is moved, which may be."""
        self.check_name(target)
        if not os.path.isdir(os.path.dirname(self.path("files", target))):
            raise Problem(409, "Conflict", "The destination node is not found")
        existed = os.path.exists(self.path("files", target))
        if existed and headers.get("Overwrite", "T").upper() == "F":
            raise Problem(412, "PreconditionFailed", "The destination node already exists, and the overwrite header is "
                                                     "set to false")
        return existed

    def new_file(self):
        return self.path("incoming", str(next(self.numbers)))

    # --- methods

    def do_options(self, place, lead, name, headers, body):
        return Reply(200, {"DAV": "1, 3, extended-mkcol", "Allow": "OPTIONS, GET, HEAD, DELETE, PROPFIND, PUT, MOVE"})

    def do_mkcol(self, place, lead, name, headers, body):
        path = self.path(place, name)
        self.check_name(name)
        with self.lock:
            if os.path.exists(path):
                raise Problem(405, "MethodNotAllowed", "The resource you tried to create already exists")
            if not os.path.isdir(os.path.dirname(path)):
                raise Problem(409, "Conflict", "Parent node does not exist")
            os.mkdir(path)
        return Reply(201, {"OC-FileId": self.number(os.stat(path))})

    def do_put(self, place, lead, name, headers, body):
        path = self.path(place, name)
        self.check_name(name)
        if os.path.isdir(path):
            raise Problem(409, "Conflict", "PUT is not allowed on non-files.")
        if not os.path.isdir(os.path.dirname(path)):
            raise Problem(409, "Conflict", "Files cannot be created in non-existent collections")
        self.check_quota(int(headers.get("OC-Total-Length") or body.length or 0))
        incoming = self.new_file()
        try:
            with open(incoming, "wb") as file:
                for piece in body.pieces():
                    file.write(piece)
            with self.lock:
                existed = os.path.exists(path)
                if existed and headers.get("If-None-Match") == "*":
                    raise Problem(412, "PreconditionFailed", "An If-None-Match header was specified")
                self.check_match(path, headers)
                os.replace(incoming, path)
        except OSError as error:
            raise not_found(name) from error
        finally:
            if os.path.exists(incoming):
                os.remove(incoming)
        return self.stored(place, name, headers, 204 if existed else 201)

    def check_match(self, path, headers):
        wanted = headers.get("If-Match")
        if wanted not in (None, "*") and (not os.path.exists(path) or wanted != self.etag(os.stat(path))):
            raise Problem(412, "PreconditionFailed", "An If-Match header was specified")

    def stored(self, place, name, headers, status):
        path = self.path(place, name)
        fields = {}
        if headers.get("X-OC-MTime"):
            os.utime(path, (time.time(), int(float(headers["X-OC-MTime"]))))
            fields["X-OC-MTime"] = "accepted"
        found = os.stat(path)
        etag = self.etag(found)
        return Reply(status, fields | {"ETag": etag, "OC-ETag": etag, "OC-FileId": self.number(found)})

    def do_get(self, place, lead, name, headers, body):
        path = self.path(place, name)
        if os.path.isdir(path):
            raise Problem(405, "MethodNotAllowed", "GET is not allowed on collections")
        try:
            file = open(path, "rb")
        except OSError as error:
            raise not_found(name) from error
        found = os.fstat(file.fileno())
        fields = {"ETag": self.etag(found), "Last-Modified": date(found.st_mtime), "Accept-Ranges": "bytes",
                  "Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
        if headers.get("If-Match") not in (None, "*", fields["ETag"]):
            raise Problem(412, "PreconditionFailed", "An If-Match header was specified")
        start, end, status = 0, found.st_size, 200
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("Range", ""))
        if asked and any(asked.groups()):
            first, last = asked.groups()
            start = int(first) if first else max(0, end - int(last))
            end = min(end, int(last) + 1) if first and last else end
            if start >= found.st_size:
                raise Problem(416, "RequestedRangeNotSatisfiable", "The start offset exceeded the size of the entity")
            status, fields["Content-Range"] = 206, f"bytes {start}-{end - 1}/{found.st_size}"
        fields["Content-Length"] = str(end - start)
        return Reply(status, fields, pieces=self.pieces(file, start, end))

    do_head = do_get

    @staticmethod
    def pieces(file, start, end):
        with file:
            file.seek(start)
            while start < end:
                data = file.read(min(1 << 18, end - start))
                if not data:
                    raise ConnectionError
                start += len(data)
                yield data

    def do_delete(self, place, lead, name, headers, body):
        path = self.path(place, name)
        with self.lock:
            if not name or not os.path.exists(path):
                raise not_found(name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        return Reply(204)

    def do_move(self, place, lead, name, headers, body, copies=False):
        target = self.destination(headers)
        source, place_of_target = self.path("files", name), self.path("files", target)
        with self.lock:
            if not name or not os.path.exists(source):
                raise not_found(name)
            if target == name or target.startswith(name + "/"):
                raise Problem(403, "Forbidden", "Source and destination uri are identical.")
            existed = self.check_target(target, headers)
            if existed:
                # The server removes what it replaces, with all that is in it.
                shutil.rmtree(place_of_target) if os.path.isdir(place_of_target) else os.remove(place_of_target)
            if copies:
                copy = shutil.copytree if os.path.isdir(source) else shutil.copy2
                copy(source, place_of_target)
            else:
                os.rename(source, place_of_target)
        return Reply(204 if existed else 201, {"ETag": self.etag(os.stat(place_of_target))})

    def do_copy(self, place, lead, name, headers, body):
        return self.do_move(place, lead, name, headers, body, copies=True)

    def do_patch(self, place, lead, name, headers, body):
        """Computes a checksum where it is asked to, which rclone does after each upload."""
        word = headers.get("X-Recalculate-Hash", "").lower()
        if word not in ("md5", "sha1", "sha256"):
            raise Problem(501, "NotImplemented", "There was no plugin that was willing to handle PATCH")
        try:
            with open(self.path(place, name), "rb") as file:
                value = hashlib.file_digest(file, word).hexdigest()
        except OSError as error:
            raise not_found(name) from error
        return Reply(204, {"OC-Checksum": f"{word.upper()}:{value}"})

    def do_proppatch(self, place, lead, name, headers, body):
        body.text()
        path = self.path(place, name)
        if not os.path.exists(path):
            raise not_found(name)
        return Reply(207, {"Content-Type": "application/xml; charset=utf-8"},
                     multistatus([response(self.href(lead, name, path), {(DAV, "lastmodified"): ""}, [])]))

    def do_propfind(self, place, lead, name, headers, body):
        question = body.text()
        path = self.path(place, name)
        if not os.path.exists(path):
            raise not_found(name)
        wanted = ALL
        if question.strip():
            try:
                inner = ElementTree.fromstring(question).find("{DAV:}prop")
            except ElementTree.ParseError as error:
                raise Problem(400, "BadRequest", str(error)) from error
            if inner is not None:
                wanted = [tuple(each.tag[1:].split("}")) if each.tag[0] == "{" else ("", each.tag) for each in inner]
        names = [name]
        # Infinity is taken for 1.
        if headers.get("Depth", "infinity") != "0" and os.path.isdir(path):
            names += [f"{name}/{each}".lstrip("/") for each in sorted(os.listdir(path))]
        responses = []
        for each in names:
            found = self.properties(self.path(place, each), wanted)
            if found is not None:
                missing = [key for key in wanted if key not in found]
                responses.append(response(self.href(lead, each, self.path(place, each)), found, missing))
        return Reply(207, {"Content-Type": "application/xml; charset=utf-8"}, multistatus(responses))

    # --- what is said of a file

    @staticmethod
    def href(lead, name, path):
        text = urllib.parse.quote(f"{lead}/{name}" if name else lead)
        return text + "/" if os.path.isdir(path) else text

    def properties(self, path, wanted):
        try:
            found = os.stat(path)
        except OSError:
            return None
        is_folder = os.path.isdir(path)
        values = {(DAV, "resourcetype"): "<d:collection/>" if is_folder else "",
                  (DAV, "getlastmodified"): date(found.st_mtime),
                  (DAV, "getetag"): self.etag(found).replace('"', "&quot;"),
                  (OC, "id"): self.number(found), (OC, "fileid"): str(found.st_ino),
                  (OC, "permissions"): "RGDNVCK" if is_folder else "RGDNVW"}
        if is_folder:
            values[(DAV, "quota-available-bytes")] = str(self.free() if self.quota is not None else -3)
            for key in ((DAV, "quota-used-bytes"), (OC, "size")):
                if key in wanted:
                    values[key] = str(self.used(path))
        else:
            values |= {(DAV, "getcontentlength"): str(found.st_size), (OC, "size"): str(found.st_size),
                       (DAV, "getcontenttype"): "application/octet-stream"}
        return {key: values[key] for key in wanted if key in values}

    @staticmethod
    def etag(found):
        text = f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        return f'"{hashlib.md5(text.encode()).hexdigest()}"'

    @staticmethod
    def number(found):
        return f"{found.st_ino:08d}ocsimulated"
