"""What goes back to clients."""

import json


class Problem(Exception):
    """A refusal, in the words of the pinning API."""

    def __init__(self, status, reason, details=""):
        super().__init__(details)
        self.status, self.reason, self.details = status, reason, details

    def reply(self):
        return Reply.json({"error": {"reason": self.reason, "details": self.details}}, self.status)


class Reply:
    def __init__(self, status, headers=None, body=b"", pieces=None):
        self.status, self.headers, self.body, self.pieces = status, dict(headers or {}), body, pieces

    @staticmethod
    def json(value, status=200):
        return Reply(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


def bad(details):
    return Problem(400, "BAD_REQUEST", details)


def missing(what):
    return Problem(404, "NOT_FOUND", f"The specified {what} was not found")
