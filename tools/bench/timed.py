"""Runs a program and writes down what it took.

usage: timed.py REPORT-FILE PROGRAM ARGUMENTS…

REPORT-FILE becomes a JSON object: "seconds" of wall clock, "processor" seconds, "peak" memory in bytes as the kernel
counted it, and the "code" that the program ended with, negative for a signal. The kernel's count begins with what this
interpreter had in memory at the start of the program: a peak is never below about 10 MB.
"""

import json
import os
import signal
import sys
import time


def main():
    report, program = sys.argv[1], sys.argv[2:]
    begin = time.monotonic()
    child = os.posix_spawnp(program[0], program, os.environ, setsigmask=[], setsigdef=[signal.SIGPIPE])
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - begin
    with open(report, "w", encoding="utf-8") as file:
        json.dump(
            {
                "seconds": seconds,
                "processor": usage.ru_utime + usage.ru_stime,
                "peak": usage.ru_maxrss * 1024,
                "code": os.waitstatus_to_exitcode(status),
            },
            file,
        )


if __name__ == "__main__":
    main()
