"""The independent reading: what a container's memory is, by other sources than the sampler's.

Stacks are found by the threads' stack pointers, and their pages by pagemap and kpageflags. Nothing is read from smaps.
"""

import array
import os
import time

from container import counters, read

PAGE = 4096
PRESENT, SWAPPED, GUARD = 1 << 63, 1 << 62, 1 << 58  # /proc/PID/pagemap
FRAME = (1 << 55) - 1
ANONYMOUS, HUGE = 1 << 12, 1 << 22  # /proc/kpageflags


class Frames:
    def __init__(self):
        self.file = os.open("/proc/kpageflags", os.O_RDONLY)

    def flags(self, entry):
        return int.from_bytes(os.pread(self.file, 8, (entry & FRAME) * 8), "little")


def rows_of(pid):
    """(first page, page after the last) of each row that the process may write to and no other process sees."""
    for row in read("/proc/%d/maps" % pid).splitlines():
        addresses, rights = row.split()[:2]
        if rights[3] == "p" and rights != "---p" and "vsyscall" not in row:
            yield tuple(int(part, 16) // PAGE for part in addresses.split("-"))


def pagemap(pid, low, high):
    entries = array.array("Q")
    with open("/proc/%d/pagemap" % pid, "rb", buffering=0) as file:
        file.seek(low * 8)
        while len(entries) < high - low:
            entries.frombytes(file.read(min(1 << 20, (high - low - len(entries)) * 8)))
    return entries


def stack_pointer(pid, thread):
    """Known while the thread is inside a system call, as one that waits for a request is."""
    for _ in range(200):
        fields = read("/proc/%d/task/%s/syscall" % (pid, thread)).split()
        if len(fields) > 2:
            return int(fields[-2], 16)
        time.sleep(0.02)
    raise RuntimeError("thread %s of process %d does not wait" % (thread, pid))


def stack_of(pid, pointer, rows, maps, size, frames):
    """One stack: from the row's beginning, or the nearest guard marker below the pointer, as far as was asked for."""
    page = pointer // PAGE
    row = next(row for row in rows if row[0] <= page < row[1])
    entries = maps[row]
    low = page - row[0]
    while low > 0 and not entries[low - 1] & GUARD:
        low -= 1
    stack = entries[low : low + size // PAGE]
    touched = [index for index, entry in enumerate(stack) if entry & (PRESENT | SWAPPED)]
    present = [entry for entry in stack if entry & PRESENT]
    return {
        "highWater": (len(stack) - touched[0]) * PAGE,
        "resident": len(present) * PAGE,
        "huge": sum(PAGE for entry in present if frames.flags(entry) & HUGE),
    }


def process(pid, stack_size, frames, anonymous):
    rows = list(rows_of(pid))
    maps = {row: pagemap(pid, *row) for row in rows}
    for entries in maps.values():
        anonymous.update(
            entry & FRAME for entry in entries if entry & PRESENT and frames.flags(entry) & ANONYMOUS
        )
    threads = [thread for thread in os.listdir("/proc/%d/task" % pid) if thread != str(pid)]
    pointers = [stack_pointer(pid, thread) for thread in threads]
    status = dict(line.split(":", 1) for line in read("/proc/%d/status" % pid).splitlines())
    return {
        "pid": int(status["NSpid"].split()[-1]),
        "threads": int(status["Threads"]),
        "pageTables": int(status["VmPTE"].split()[0]) * 1024,
        "stacks": [stack_of(pid, pointer, rows, maps, stack_size, frames) for pointer in pointers],
    }


def reading(container, stack_size):
    frames = Frames()
    anonymous = set()
    stat = counters(os.path.join(container.group, "memory.stat"))
    processes = [process(pid, stack_size, frames, anonymous) for pid in container.pids()]
    os.close(frames.file)
    return {
        "kernel": os.uname().release,
        "architecture": os.uname().machine,
        "libc": os.confstr("CS_GNU_LIBC_VERSION"),
        "hugePages": read("/sys/kernel/mm/transparent_hugepage/enabled").strip(),
        "limit": int(container.text("memory.max")),
        "oomKills": counters(os.path.join(container.group, "memory.events"))["oom_kill"],
        "stat": stat,
        "anonymous": len(anonymous) * PAGE,
        "processes": processes,
    }
