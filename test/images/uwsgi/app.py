"""The WSGI application of the test pods: each path does one thing to memory or to a stack, as told by its query.

With log=TEXT in the query the text becomes a line of the log, as if the application or uWSGI had written it.
"""

import json
import os
import sys
import threading
import time
from urllib.parse import parse_qs

LOCAL = threading.local()
GROWN = []


def ok(_number):
    return {"pid": os.getpid(), "python": sys.version.split()[0]}


def work(ms):
    """What a usual view does: a buffer kept by each thread, JSON of a few hundred KiB, then waiting for a database."""
    if not hasattr(LOCAL, "buffer"):
        LOCAL.buffer = bytearray(os.urandom(48 * 1024))
    rows = [{"id": i, "name": "row %d" % i, "tags": ["a", "b", "c"]} for i in range(4000)]
    size = len(json.dumps(json.loads(json.dumps(rows))))
    time.sleep(ms / 1000)
    return {"bytes": size}


def nested_json(depth):
    """Recurses in the C scanner of json: on Python 3.11 a depth of 950 needs 148 KiB of stack."""
    json.loads("[" * depth + "]" * depth)
    return {"depth": depth}


def recurse(depth):
    """The same up to Python 3.11's recursion limit. A RecursionError is not caught: it is what a test looks for."""
    return nested_json(depth)


def nested_sort(depth):
    """Recurses through sorted() and its key function: each level crosses from C to Python and back."""

    def key(level):
        if level > 0:
            sorted([level - 1], key=key)
        return level

    sorted([depth], key=key)
    return {"depth": depth}


def grow(mib):
    """Makes this worker fatter for good. bytearray of a size writes zeros lazily, so every page is touched."""
    block = bytearray(mib * 1024 * 1024)
    for offset in range(0, len(block), 4096):
        block[offset] = 1
    GROWN.append(block)
    return {"pid": os.getpid(), "grown_mib": sum(len(b) for b in GROWN) // (1024 * 1024)}


def hold(ms):
    time.sleep(ms / 1000)
    return {"held_ms": ms}


def fail(_number):
    raise RuntimeError("raised on request")


# path: (what it does, name of its number, default)
VIEWS = {
    "/": (ok, "n", 0),
    "/health": (ok, "n", 0),
    "/work": (work, "ms", 30),
    "/json": (nested_json, "depth", 200),
    "/recurse": (recurse, "depth", 950),
    "/sort": (nested_sort, "depth", 200),
    "/grow": (grow, "mib", 1),
    "/hold": (hold, "ms", 1000),
    "/raise": (fail, "n", 0),
}


def application(environ, start_response):
    view, name, default = VIEWS.get(environ["PATH_INFO"], (None, "", 0))
    if view is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found\n"]
    query = parse_qs(environ.get("QUERY_STRING", ""))
    for text in query.get("log", []):
        print(text, file=sys.stderr, flush=True)
    try:
        answer = view(int(query.get(name, [default])[0]))
    except Exception:
        # Who asked learns that it failed; uWSGI sees the exception too: it logs and counts it.
        start_response("500 Internal Server Error", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        raise
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode() + b"\n"]
