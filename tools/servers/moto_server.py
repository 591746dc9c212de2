#!/usr/bin/env python3
"""moto's server, whose S3 does one thing after another: moto_server.py [FLAGS OF moto_server]

Its lists run over dictionaries that other requests change meanwhile, and end with 500 then (moto 5.2.5,
moto/s3/models.py). Bodies are read before these calls, so nobody waits for a slow one.
"""

import functools
import inspect
import sys
import threading

import moto.s3.models
import moto.server

turn = threading.RLock()


def in_turn(function):
    @functools.wraps(function)
    def call(*arguments, **named):
        with turn:
            return function(*arguments, **named)

    return call


backend = moto.s3.models.S3Backend
for name, function in list(vars(backend).items()):
    if inspect.isfunction(function) and not name.startswith("_"):
        setattr(backend, name, in_turn(function))

moto.server.main(sys.argv[1:])
