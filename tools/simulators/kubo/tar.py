"""Entries of a tar as Go's writer makes them."""


def _octal(number, width):
    return f"{number:0{width - 1}o}".encode() + b"\0"


def _header(name, kind, mode, size, seconds, link=b"", devices=True):
    fields = [name[:100].ljust(100, b"\0"), _octal(mode, 8), _octal(0, 8), _octal(0, 8), _octal(size, 12),
              _octal(seconds, 12), b" " * 8, kind, link[:100].ljust(100, b"\0"), b"ustar\x0000", bytes(64),
              (_octal(0, 8) * 2 if devices else bytes(16)), bytes(167)]
    fields[6] = f"{sum(sum(field) for field in fields):06o}".encode() + b"\0 "
    return b"".join(fields)


def _record(key, value):
    size = len(key) + len(value) + 3
    total = size + len(str(size))
    if len(str(total)) != len(str(size)):
        total += 1
    return f"{total} {key}=".encode() + value + b"\n"


def entry(path, kind, mode, size, mtime, link=b"", pax=True):
    """The header of an entry; with one of its own for what does not fit, such as parts of a second."""
    seconds, nanoseconds = mtime
    name = path.encode()
    plain = name.decode("ascii", "ignore").encode()
    records = {}
    if pax:
        if nanoseconds:
            records["mtime"] = f"{seconds}.{nanoseconds:09d}".rstrip("0").encode()
    elif nanoseconds >= 500000000:
        seconds += 1
    if name != plain or len(name) > 100:
        records["path"] = name
    if len(link) > 100 or any(byte > 127 for byte in link):
        records["linkpath"] = link
    if records:
        content = b"".join(_record(key, records[key]) for key in sorted(records))
        folder, _, last = plain.decode().rpartition("/")
        place = "/".join(each for each in (folder, "PaxHeaders.0", last) if each).encode()
        yield _header(place, b"x", 0, len(content), 0, devices=False)
        yield content + bytes(-len(content) % 512)
    yield _header(plain, kind, mode, size, seconds, link)
