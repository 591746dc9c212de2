"""Speaks SFTP on its standard input and output, in the place of ssh, and goes wrong as its first word says.

usage: sftp_pipe.py MODE FOLDER [what ssh would be given]

The real server of OpenSSH does the work, where any is done. FOLDER holds what the modes remember from one session to
the next; how many bytes came from the client is noted in FOLDER/bytes, a line for each session, and how many went to
it in FOLDER/told.
  silent     answers nothing at all
  mute       greets, and answers nothing more
  text:X     prints a line before it speaks, X or a welcome
  huge       announces a reply of two GiB
  stranger   answers a request that nobody made
  cut        greets, and answers with a packet that is shorter than the text in it says
  drip       greets, and answers with a byte now and then that is never all
  deny       ends as ssh does where no key fits
  end:N      ends the first session after N bytes from the client
  late:X     keeps the answer to the first request of the kind X back until something else is asked: open a file, or
             name one; notes in FOLDER/closed that a file was closed
  more       gives a byte more than was asked for
  lost       does the first change of a name, or removal of one that ends with .car, and ends before it says so
  short      gives at most a thousand bytes for each request to read
  without:X  the server has no extension X
"""

import os
import struct
import subprocess
import sys
import threading
import time

SERVER = "/usr/lib/openssh/sftp-server"
mode, folder = sys.argv[1:3]
word, _, rest = mode.partition(":")
given, taken = sys.stdin.buffer, sys.stdout.buffer


def packet(kind, body):
    return struct.pack(">IB", len(body) + 1, kind) + body


def read_packet(source):
    head = source.read(4)
    return head + source.read(struct.unpack(">I", head)[0]) if len(head) == 4 else b""


told = 0


def say(data):
    global told
    taken.write(data)
    taken.flush()
    told += len(data)


GREETING = packet(2, struct.pack(">I", 3))
STATUS = struct.pack(">II", 0, 0) + struct.pack(">I", 0) * 2

if word == "deny":
    print("user@host: Permission denied (publickey,password).", file=sys.stderr)
    sys.exit(255)
if word in ("silent", "mute", "text", "huge", "stranger", "cut", "drip"):
    read_packet(given)
    say({"silent": b"", "text": (rest or "Welcome to this host").encode() + b"\n", "huge": b"\x7f\xff\xff\xff\x02"}.get(word, GREETING))
    if read_packet(given):
        say({"drip": struct.pack(">IB", 100_000, 103),
             "stranger": packet(101, struct.pack(">I", 99) + STATUS[4:]),
             "cut": packet(105, struct.pack(">IIQ", 0, 1, 7)[:-1])}.get(word, b""))
    while word == "drip":
        try:
            say(b"\0")
        except BrokenPipeError:
            os._exit(0)
        time.sleep(0.2)
    while read_packet(given):
        pass
    sys.exit(0)

options = ["-P", rest] if word == "without" else []
server = subprocess.Popen([SERVER] + options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


asked = threading.Semaphore(0)


def note(name, text=""):
    with open(os.path.join(folder, name), "a") as file:
        file.write(text)


def is_naming(data):
    return data[4] == 18 or b"posix-rename" in data


# The number of the request whose answer gets lost, or comes late.
marked = []


def answers():
    while data := read_packet(server.stdout):
        if word == "more" and data[4] == 103:
            data = struct.pack(">I", len(data) - 3) + data[4:9] + struct.pack(">I", len(data) - 12) + data[13:] + b"x"
        if marked and data[5:9] == marked[0]:
            if word == "lost":
                os._exit(255)
            marked[0] = None
            note("kept-back")
            asked.acquire()
        say(data)


answering = threading.Thread(target=answers, daemon=True)
answering.start()
mark = os.path.join(folder, "ended")
limit = int(rest) if word == "end" and not os.path.exists(mark) else None
count = 0
while data := read_packet(given):
    if limit is not None and count + len(data) > limit:
        open(mark, "w").close()
        break
    count += len(data)
    if word == "lost" and not os.path.exists(mark) and (
        is_naming(data) or data[4] == 13 and data.endswith(b".car")
    ):
        note("ended")
        marked.append(data[5:9])
    if word == "late" and not marked and (data[4] == 3 if rest == "open" else is_naming(data)):
        marked.append(data[5:9])
    if word == "late" and data[4] == 4:
        note("closed")
    if os.path.exists(os.path.join(folder, "kept-back")):
        asked.release()
    if word == "short" and data[4] == 5:
        data = data[:-4] + struct.pack(">I", min(1000, struct.unpack(">I", data[-4:])[0]))
    server.stdin.write(data)
    server.stdin.flush()
server.stdin.close()
server.wait()
answering.join()
note("bytes", f"{count}\n")
note("told", f"{told}\n")
