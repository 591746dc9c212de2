"""What goes back to clients: statuses with their fields, the documents of sabre/dav, and errors."""

import email.utils
import json
from xml.sax.saxutils import escape

SPACES = {"d": "DAV:", "s": "http://sabredav.org/ns", "oc": "http://owncloud.org/ns", "nc": "http://nextcloud.org/ns"}


class Problem(Exception):
    """A refusal: its status, the name of sabre/dav's exception, and its sentence."""

    def __init__(self, status, name, message):
        super().__init__(message)
        self.status, self.name, self.message = status, name, message


class Reply:
    def __init__(self, status, headers=None, body=b"", pieces=()):
        self.status, self.headers, self.body, self.pieces = status, dict(headers or {}), body, pieces

    @staticmethod
    def json(value):
        return Reply(200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode())


def declarations():
    return " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())


def error_document(problem):
    own = "OCA\\DAV\\Connector\\Sabre\\Exception" if problem.name in ("InvalidPath", "FileLocked") else None
    name = f"{own or 'Sabre' + chr(92) + 'DAV' + chr(92) + 'Exception'}\\{problem.name}"
    return (f'<?xml version="1.0" encoding="utf-8"?>\n<d:error xmlns:d="DAV:" xmlns:s="{SPACES["s"]}">\n'
            f"  <s:exception>{escape(name)}</s:exception>\n  <s:message>{escape(problem.message)}</s:message>\n"
            "</d:error>\n").encode()


def multistatus(responses):
    return (f'<?xml version="1.0"?>\n<d:multistatus {declarations()}>' + "".join(responses)
            + "</d:multistatus>").encode()


def response(href, found, missing):
    """The answer about one name: properties as they stand in XML by (namespace, name), and those that it lacks."""
    prefixes = {space: prefix for prefix, space in SPACES.items()}

    def element(key, inner):
        space, name = key
        if space in prefixes:
            return f"<{prefixes[space]}:{name}>{inner}</{prefixes[space]}:{name}>"
        return f'<x:{name} xmlns:x="{escape(space)}">{inner}</x:{name}>'

    text = f"<d:response><d:href>{escape(href)}</d:href>"
    for status, properties in (("200 OK", found), ("404 Not Found", dict.fromkeys(missing, ""))):
        if properties:
            inner = "".join(element(key, value) for key, value in properties.items())
            text += f"<d:propstat><d:prop>{inner}</d:prop><d:status>HTTP/1.1 {status}</d:status></d:propstat>"
    return text + "</d:response>"


def date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)
