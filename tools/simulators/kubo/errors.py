"""How a request can fail before, or instead of, a good answer."""


class Failure(Exception):
    """A command failed; what Kubo answers."""

    def __init__(self, message, code=0):
        super().__init__(message)
        self.code = code

    @property
    def status(self):
        return {0: 500, 1: 400, 3: 429, 4: 403}[self.code]


class Refusal(Exception):
    """A request is refused before its command runs, with a line of text."""

    def __init__(self, text, status=400):
        super().__init__(text)
        self.status = status
