"""A container as a kubelet makes it: a memory cgroup with a limit, namespaces, and a user without capabilities."""

import os
import signal
import subprocess
import time

CGROUPS = "/sys/fs/cgroup"
USER = 33
DROP = [
    "setpriv", "--reuid=33", "--regid=33", "--clear-groups",
    "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--",
]  # fmt: skip
# The shell in the new pid namespace enters the group before the cgroup namespace is made, so the group is its root.
START = """echo 0 >"$0/cgroup.procs" && exec unshare --cgroup --mount --mount-proc sh -c '
umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' sh "$@" """
# What exec of a kubelet does: into the namespaces, into the group, drop the rights.
ENTER = 'echo 0 >/sys/fs/cgroup/cgroup.procs && exec "$@"'
BUSYBOX = 'mount --bind /busybox /usr/bin && exec "$@"'


def read(path):
    with open(path) as file:
        return file.read()


def counters(path):
    return {name: int(value) for name, value in (line.split() for line in read(path).splitlines())}


class Container:
    def __init__(self, name, limit, argv, log):
        self.group = os.path.join(CGROUPS, name)
        os.mkdir(self.group)
        self.write("memory.max", limit)
        command = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", START, self.group, *DROP, *argv]
        self.outer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.init = int(self.wait("its first process", self.first))

    def write(self, name, value):
        with open(os.path.join(self.group, name), "w") as file:
            file.write(str(value))

    def text(self, name):
        return read(os.path.join(self.group, name))

    def first(self):
        return read("/proc/%d/task/%d/children" % (self.outer.pid, self.outer.pid)).strip()

    def wait(self, what, condition, seconds=120):
        """Waits for a value that is true. Long, because nothing is fast in an emulated processor."""
        end = time.monotonic() + seconds
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end or self.outer.poll() is not None:
                raise RuntimeError("%s: waited for %s" % (self.group, what))
            time.sleep(0.05)

    def pids(self):
        return sorted(int(pid) for pid in self.text("cgroup.procs").split())

    def run(self, argv, busybox=False):
        """Runs a program inside to its end: its output as bytes. With busybox, no other program is there to be found."""
        enter = ["nsenter", "--target=%d" % self.init, "--mount", "--pid", "--cgroup", "--"]
        inside = ["sh", "-c", ENTER, "sh"]
        if busybox:
            # Programs of the system are not to be found from here on, so its own setpriv is taken along.
            inside += ["unshare", "--mount", "sh", "-c", BUSYBOX, "sh"]
        reader, writer = os.pipe()
        os.fchown(writer, USER, USER)  # as runc does: the user may open its standard streams again
        child = subprocess.Popen(
            [*enter, *inside, *DROP, *argv], stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE
        )
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            output = stream.read()
        errors = child.stderr.read().decode()
        if child.wait() != 0 or errors:
            raise RuntimeError("%s: exit status %d, stderr %r" % (argv[0], child.returncode, errors))
        return output

    def end(self):
        os.kill(self.init, signal.SIGKILL)
        self.outer.wait()
        deadline = time.monotonic() + 30
        while self.text("cgroup.procs").strip() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.rmdir(self.group)
