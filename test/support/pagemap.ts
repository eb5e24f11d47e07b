/** An independent reading of thread stacks from /proc/PID/pagemap, in Python inside the pod; shares no code with src. */
import type { App } from './app.ts';

export interface StackReading {
  readonly pid: number;
  readonly stacks: number;
  readonly highWaterKib: number;
}

/**
 * Every private writable anonymous row that holds guard markers (bit 58) is cut at the markers; a stack reaches from a
 * marker to the next, its high-water mark from its lowest touched page (bit 63 present, 62 swapped) to its end.
 */
const SCRIPT = `
import json, os, struct
GUARD, PRESENT, SWAP = 1 << 58, 1 << 63, 1 << 62
found = []
for pid in sorted(int(name) for name in os.listdir('/proc') if name.isdigit()):
    try:
        if 'uwsgi' not in open('/proc/%d/comm' % pid).read().lower(): continue
        rows = open('/proc/%d/maps' % pid).read().splitlines()
        pages = open('/proc/%d/pagemap' % pid, 'rb')
    except OSError: continue
    stacks, deepest = 0, 0
    for row in rows:
        fields = row.split()
        if fields[1] != 'rw-p' or len(fields) > 5: continue
        low, high = (int(part, 16) // 4096 for part in fields[0].split('-'))
        pages.seek(low * 8)
        raw = pages.read((high - low) * 8)
        entries = struct.unpack('<%dQ' % (len(raw) // 8), raw)
        guards = [i for i, entry in enumerate(entries) if entry & GUARD]
        starts = [i for i in guards if i + 1 < len(entries) and not entries[i + 1] & GUARD]
        for number, start in enumerate(starts):
            later = [i for i in guards if i > start]
            end = later[0] if later else len(entries)
            touched = [i for i in range(start + 1, end) if entries[i] & (PRESENT | SWAP)]
            stacks += 1
            if touched: deepest = max(deepest, (end - touched[0]) * 4)
    found.append({'pid': pid, 'stacks': stacks, 'highWaterKib': deepest})
print(json.dumps(found))
`;

/** All uWSGI processes of a pod. */
export async function stacksByPagemap(app: App, pod: string): Promise<readonly StackReading[]> {
  return JSON.parse(await app.kubectl('exec', pod, '--', 'python3', '-c', SCRIPT)) as StackReading[];
}
