/**
 * The sampler for containers without sh: the same stream (capture-script.ts) from Python's standard library. Works from
 * Python 3.4 on. `-I -S`: neither the environment nor installed packages of the measured application are loaded.
 */

import type { Depth } from './capture-script.ts';

const PROGRAM = String.raw`import gzip, os, re, sys
P, C, T = sys.argv[1], sys.argv[2], sys.argv[3] == 'threads'
out = gzip.GzipFile(fileobj=sys.stdout.buffer, mode='wb', compresslevel=6)
def read(*path):
    try:
        with open(os.path.join(*path), 'rb') as f: return f.read()
    except (OSError, ValueError): return b''
def say(*words): out.write(('@' + ' '.join(map(str, words)) + '\n').encode())
def body(name, data):
    if data: say(name); out.write(data if data.endswith(b'\n') else data + b'\n')
def group(pid):
    found = {}
    for line in read(P, pid, 'cgroup').decode('latin1').split('\n'):
        if not line: continue
        _, _, rest = line.partition(':')
        names, _, path = rest.partition(':')
        for name in names.split(','): found[name] = path
    return found.get('memory') or found.get('', '')
def conf(name):
    try: return os.confstr(name) if name.startswith('CS') else os.sysconf(name)
    except (OSError, ValueError): return ''
def text(path):
    try: return os.readlink(path)
    except OSError: return ''
def uwsgi(d):
    if re.match(rb'(py)?uwsgi', read(d, 'comm'), re.I): return 1
    exe = os.path.basename(text(d + '/exe'))
    if re.match('(py)?uwsgi', exe): return 1
    if exe.startswith('python'): return int(b'pyuwsgi' in read(d, 'maps'))
    if exe: return 0
    return int(re.match(rb'uwsgi|uWSGI|.*pyuwsgi', read(d, 'cmdline').replace(b'\0', b'')) is not None)
def hint(d):
    line = read(d, 'cmdline').replace(b'\0', b'')
    for word, pattern in (('master', rb'uWSGI master'), ('worker', rb'uWSGI worker '),
            ('other', rb'uWSGI (mule |spooler|http |https |fastrouter )')):
        if re.search(pattern, line): return word
    return '-'
def pagemaps(d, p, smaps):
    page, head = int(conf('SC_PAGESIZE') or 4096), b''
    for line in smaps.split(b'\n'):
        if re.match(rb'[0-9a-f]+-[0-9a-f]+ ', line): head = line
        elif line.startswith(b'VmFlags:') and b' gu' in line:
            a, b = (int(x, 16) for x in head.split(b' ')[0].split(b'-'))
            try:
                with open(d + '/pagemap', 'rb') as f:
                    f.seek(a // page * 8)
                    data = f.read((b - a) // page * 8)
            except OSError: return
            say('pagemap', '%x' % a, (b - a) // page * 8, p)
            out.write(data + b'\n')
say('uwsgi-tuner capture 1')
if T:
    body('osrelease', read(P, 'sys/kernel/osrelease'))
    body('machine', os.uname().machine.encode())
    body('conf', ('PAGESIZE %s\nPTHREAD_STACK_MIN %s\nGNU_LIBC_VERSION %s' % (conf('SC_PAGESIZE'),
        conf('SC_THREAD_STACK_MIN'), conf('CS_GNU_LIBC_VERSION'))).encode())
body('thp', read('/sys/kernel/mm/transparent_hugepage/enabled'))
own = group('self')
for m in (C + '/memory' + own, C + '/memory', C + own, C):
    if not os.access(m + '/memory.stat', os.R_OK): continue
    for f in ('max', 'high', 'current', 'peak', 'events', 'oom.group', 'stat', 'limit_in_bytes', 'usage_in_bytes',
            'kmem.usage_in_bytes', 'oom_control'):
        body('memory.' + f, read(m, 'memory.' + f))
    break
n, me = 0, str(os.getpid())
for p in sorted((x for x in os.listdir(P) if x.isdigit()), key=int):
    d = P + '/' + p
    stat = read(d, 'stat')
    state = stat[stat.rfind(b')') + 2:][:1]
    if p == me or not stat or state in b'ZX': continue
    g = group(p)
    if g != own and not re.match(re.escape(own.rstrip('/')) + '/[^.]', g): continue
    n, u = n + 1, uwsgi(d)
    say('process', p, u, hint(d) if u and T else '-')
    smaps = read(d, 'smaps' if u else 'smaps_rollup')
    if u and T:
        for t in sorted(os.listdir(d + '/task'), key=int) if os.path.isdir(d + '/task') else (): out.write(read(d, 'task', t, 'stat'))
    else: out.write(stat)
    for data in (read(d, 'status'), read(d, 'limits') if u and T else b'', smaps, read(d, 'statm')): out.write(data)
    if u and b' gu' in smaps: pagemaps(d, p, smaps)
say('end', n)
out.close()
`;

/** Where the container's procfs and cgroup file system are; the defaults are right everywhere but in tests. */
export function pythonArgv(proc: string, cgroup: string, depth: Depth): readonly string[] {
  return ['python3', '-I', '-S', '-c', PROGRAM, proc, cgroup, depth];
}
