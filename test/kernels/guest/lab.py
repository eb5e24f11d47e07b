"""Runs a plan of real uWSGI containers; prints what was captured and read of each: one line of JSON, gzip, base64."""

import base64
import concurrent.futures
import gzip
import json
import os
import socket
import sys
import time
import traceback

from container import Container, read
from reading import reading

SOCKET = "/tmp/uwsgi.sock"
LOG = "/tmp/uwsgi.log"
DEFAULT_STACK = 8192
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"


def get(path):
    """The status line of an answer; empty when the server died on it."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(SOCKET)
        client.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
        return answer.split(b"\r\n", 1)[0].decode()


def answers():
    try:
        return get("/health").endswith("200 OK")
    except OSError:
        return False


def load(workers, threads):
    """Each core answers at least one request, some of them deep ones."""
    cores = workers * threads
    paths = ["/hold?ms=500"] * cores + ["/json?depth=%d" % (1 + 7 * index % 600) for index in range(3 * cores)]
    with concurrent.futures.ThreadPoolExecutor(min(cores, 100)) as pool:
        lines = list(pool.map(get, paths))
    failed = [line for line in lines if not line.endswith("200 OK")]
    if failed:
        raise RuntimeError("%d of %d requests failed: %r" % (len(failed), len(lines), failed[0]))


class Scenario:
    def __init__(self, plan, wanted):
        self.argvs, self.wanted = plan["argv"], wanted
        self.stack = (wanted["stackKib"] or DEFAULT_STACK) * 1024
        with open(HUGE_PAGES, "w") as file:
            file.write(wanted["hugePages"])
        options = "--master --plugin python3 --wsgi-file /app/app.py --need-app --chmod-socket=666 --disable-logging"
        argv = ["uwsgi", *options.split(), "--http-socket", SOCKET]
        argv += ["--processes", str(wanted["processes"]), "--threads", str(wanted["threads"])]
        if wanted["stackKib"]:
            argv += ["--threads-stacksize", str(wanted["stackKib"])]
        with open(LOG, "wb") as log:
            self.container = Container("web", wanted["limit"], argv, log)

    def output(self, name, **options):
        return base64.b64encode(self.container.run(self.argvs[name], **options)).decode()

    def complete(self):
        """The master and all workers are there, and what was started has become quiet."""
        return len(self.container.pids()) == self.wanted["processes"] + 1

    def look(self):
        """Both readings, the independent one first: nothing of the sampler is in it."""
        self.container.wait("all workers", self.complete)
        time.sleep(1)
        seen = {"reading": reading(self.container, self.stack)}
        seen["outputs"] = {name: self.output(name) for name in self.argvs}
        if self.wanted["busybox"]:
            seen["outputs"]["busybox"] = self.output("full", busybox=True)
        return seen

    def run(self):
        started = time.monotonic()
        self.container.wait("the first answer", answers)
        load(self.wanted["processes"], self.wanted["threads"])
        found = {"before": self.look()}
        if self.wanted["outOfMemory"]:
            line = get("/grow?mib=%d" % (self.wanted["limit"] >> 20))
            if line:
                raise RuntimeError("a worker outgrew its limit and answered %r" % line)
            found["after"] = self.look()
        found["log"] = read(LOG)
        self.container.end()
        return {**found, "seconds": time.monotonic() - started}


def run(plan):
    found = {}
    for wanted in plan["scenarios"]:
        print("@scenario %s" % wanted["name"], flush=True)
        try:
            found[wanted["name"]] = Scenario(plan, wanted).run()
        except Exception:
            log = read(LOG) if os.path.exists(LOG) else ""
            return {"error": "%s: %s\n%s" % (wanted["name"], traceback.format_exc(), log[-4000:])}
    return {"scenarios": found}


def main():
    result = gzip.compress(json.dumps(run(json.loads(read(sys.argv[1])))).encode())
    print("@result %s" % base64.b64encode(result).decode(), flush=True)


main()
