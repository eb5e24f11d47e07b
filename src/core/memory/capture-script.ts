/**
 * The programs that are run inside the measured container. Each is a constant: nothing of the workload is ever put
 * into it. They read /proc and the cgroup, and print one stream of sections (capture.ts reads it):
 *
 *   @uwsgi-tuner capture 1
 *   @osrelease … @machine … @conf …             facts of the container, each the bare text of its source
 *   @process PID UWSGI HINT                     a process of this container; UWSGI 1 or 0, HINT a fixed word or "-";
 *                                               text, here or in a part: stat, status, limits, smaps, statm, in this
 *                                               order; of a foreign process its stat, status, smaps_rollup, statm
 *   @regions START BYTES PID                    the guards and the touched pages of one row of merged stacks, as the
 *                                               ioctl PAGEMAP_SCAN tells them; or, where there is no perl to call it:
 *   @pagemap START BYTES PID                    raw pagemap of such a row
 *   @parts NAME…                                what was read for each name: a pid, thp, or a file of cgroup v1 or v2
 *                                               under the kernel's own name; a line "Linux" ends every part
 *   @sparse NAME…                               the same without the lines of smaps and status that say 0 kB
 *   @end N                                      N processes: without it the stream was cut
 *
 * The third argument is a fixed word. "threads" reads the stat of every thread, which costs as much as all smaps. "rows"
 * and "merged" read the process's own stat, and leave out limits, hints and the facts of the container: an earlier capture
 * of it told them, and whether its stacks are rows of their own or merged by guard markers.
 *
 * No text of procfs begins a line with "@" or is a line "Linux" but the file ostype: the kernel escapes line ends in
 * names and paths. A command line is looked at inside the pod only; nothing of it leaves. The whole stream is one gzip
 * member where there is gzip, at the lowest level that keeps a process of 100 threads below 12 KiB; busybox knows only 6.
 *
 * POSIX sh, run under dash, bash --posix and busybox ash. `read` costs a system call per byte and a program half a
 * millisecond, so what decides is read by the shell and one program takes all files of up to twelve processes. That is
 * grep where there is one: it reads small files in half of the time of `cat`, and more than half of smaps are lines that say
 * 0 kB, which then need not be compressed. Searched as fixed text, as busybox is slow at patterns. `gzip <FILE` refuses
 * procfs files ("file size changed while zipping"); a pipe is fine.
 */

import { SCAN_REGIONS } from './capture-script-perl.ts';

/** Shared by both programs: which memory cgroup a process is in, which processes are ours, which of them are uWSGI. */
export const SHELL_COMMON = `LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin; export LC_ALL PATH
P=$1 C=$2 T=$3
exec 2>/dev/null
group() {
  g= u=
  while IFS= read -r l; do
    case $l in
    0::*) u=\${l#0::} ;;
    *:memory:* | *:memory,*:* | *:*,memory:* | *:*,memory,*:*) g=\${l#*:} g=\${g#*:}; break ;;
    esac
  done <"$1/cgroup"
  g=\${g:-$u}
}
ours() {
  case $g in "$own" | "\${own%/}"/[!.]*) return 0 ;; esac
  return 1
}
memory() {
  for m in "$C/memory$own" "$C/memory" "$C$own" "$C"; do
    [ -r "$m/memory.stat" ] && return 0
  done
  return 1
}
named() {
  comm=
  IFS= read -r comm <"$d/comm"
  case $comm in uwsgi* | uWSGI* | pyuwsgi*) return 0 ;; esac
  return 1
}
identify() {
  c= exe=$(readlink "$d/exe")
  case \${exe##*/} in
  uwsgi* | pyuwsgi*) uwsgi=1 ;;
  python*) grep -q pyuwsgi "$d/maps" && uwsgi=1 ;;
  '')
    IFS= read -r c <"$d/cmdline"
    case $c in uwsgi* | uWSGI* | *pyuwsgi*) uwsgi=1 ;; esac ;;
  esac
}
living() {
  t=
  IFS= read -r t <"$d/stat" || return
  set -f
  set -- \${t##*)}
  set +f
  parent=$2 start=\${20}
  case $1 in Z | X) return 1 ;; esac
  [ "$parent" != $$ ]
}
each() {
  group "$P/self"
  own=$g n=0
  for d in "$P"/[0-9]*; do
    p=\${d##*/} uwsgi=0
    [ "$p" = $$ ] && continue
    named && uwsgi=1
    [ $uwsgi$2 = 1 ] || living || continue
    group "$d"
    ours || continue
    [ $uwsgi = 1 ] || identify
    n=$((n + 1))
    "$1"
  done
}
`;

/** `@end` is said by the caller of `each`, so that it is the last thing printed. */
const CAPTURE = `${SHELL_COMMON}say() { printf '@%s\\n' "$*"; }
names= files= parts=0
mark=$P/sys/kernel/ostype kind=parts
[ -r "$mark" ] || mark=
command -v grep >/dev/null && kind=sparse
part() {
  if [ -z "$mark" ]; then
    say "$1"
    cat $2
    return
  fi
  names="$names $1" files="$files $2 $mark" parts=$((parts + 1))
  [ $parts -lt 12 ] || flush
}
texts() {
  if [ $kind = sparse ]; then grep -ahvF '       0 kB' "$@"; else cat "$@"; fi
}
flush() {
  [ -n "$files" ] || return
  say "$kind$names"
  if [ "$guards" = dd ]; then
    { rows=$(texts $files | tee /proc/self/fd/3 | grep -e '^[0-9a-f]*-[0-9a-f]* ' -e '^VmFlags:.* gu' -e '^Linux$' | grep -B1 -e '^VmFlags' -e '^Linux'); } 3>&1
    marked $names
  else
    texts $files
  fi
  [ "$guards" = perl ] && PERL5OPT= PERL5LIB= perl -f -e '${SCAN_REGIONS}' "$P" $names
  names= files= parts=0
}
file() { [ -r "$2" ] && part "$1" "$2"; }
hint() {
  c=
  IFS= read -r c <"$d/cmdline"
  case $c in
  *'uWSGI master'*) h=master ;;
  *'uWSGI worker '*) h=worker ;;
  *'uWSGI mule '* | *'uWSGI spooler'* | *'uWSGI http '* | *'uWSGI https '* | *'uWSGI fastrouter '*) h=other ;;
  *) h=- ;;
  esac
}
marked() {
  a=
  printf '%s\\n' "$rows" | while IFS=' -' read -r x y z; do
    case $x in
    VmFlags:) [ -n "$a" ] && row $1; a= ;;
    Linux) shift; a= ;;
    *) a=$x b=$y ;;
    esac
  done
}
row() {
  o=$((0x$a / page * 8)) l=$(((0x$b - 0x$a) / page * 8))
  say "pagemap $a $l $1"
  dd if="$P/$1/pagemap" iflag=skip_bytes,count_bytes bs=65536 skip=$o count=$l
  echo
}
one() {
  h=-
  [ $uwsgi$T = 1threads ] && hint
  texts="$d/stat $d/status $d/smaps_rollup $d/statm"
  if [ $uwsgi = 1 ]; then
    texts="$d/stat $d/status $d/smaps $d/statm"
    [ $T = threads ] && texts="$d/task/[0-9]*/stat $d/status $d/limits $d/smaps $d/statm"
  fi
  say "process $p $uwsgi $h"
  if [ -n "$mark" ]; then
    part $p "$texts"
  else
    cat $texts
  fi
}
number() {
  x=\${1%%[!0-9.]*} y=\${1#*.}
  x=\${x%%.*} y=\${y%%[!0-9]*}
  x=$((\${x:-0} * 1000 + \${y:-0}))
}
merges() {
  guards=
  case $T in
  rows) return ;;
  threads)
    number "$v"
    [ $x -ge 6013 ] || return
    libc=$(getconf GNU_LIBC_VERSION)
    x=\${libc#glibc }
    number "\${x:-2.42}"
    [ $x -ge 2042 ] || return ;;
  esac
  guards=perl
  command -v perl >/dev/null && return
  guards=dd page=$(getconf PAGESIZE)
}
facts() {
  say osrelease
  printf '%s\\n' "$v"
  m=
  IFS= read -r m <"$P/sys/kernel/arch"
  say machine
  printf '%s\\n' "\${m:-$(uname -m)}"
  [ -n "$libc" ] || libc=$(getconf GNU_LIBC_VERSION)
  say conf
  printf '%s\\n' "GNU_LIBC_VERSION $libc" "PTHREAD_STACK_MIN $(getconf PTHREAD_STACK_MIN)" "PAGESIZE $page"
  for f in /lib/ld-musl-*.so.1; do [ -x "$f" ] && "$f" 2>&1; done
}
capture() {
  say 'uwsgi-tuner capture 1'
  v= libc= page=
  IFS= read -r v <"$P/sys/kernel/osrelease"
  merges
  [ "$T" = threads ] && facts
  page=\${page:-4096}
  file thp /sys/kernel/mm/transparent_hugepage/enabled
  group "$P/self"
  own=$g
  memory && for f in memory.max memory.high memory.current memory.peak memory.events memory.oom.group \\
    memory.stat memory.limit_in_bytes memory.usage_in_bytes memory.kmem.usage_in_bytes memory.oom_control; do
    file "$f" "$m/$f"
  done
  each one
  flush
  say "end $n"
}
z=4
[ "$T" = threads ] && z=5
if command -v gzip >/dev/null; then capture | gzip -$z; else capture; fi
`;

export const PROC = '/proc';
export const CGROUP = '/sys/fs/cgroup';

/** Where the container's procfs and cgroup file system are; the defaults are right everywhere but in tests. */
export interface SamplerRoots {
  readonly proc?: string;
  readonly cgroup?: string;
}

/** The third argument: read every thread's stat; or not, and stacks are rows of their own or merged in one. */
export type Depth = 'threads' | 'rows' | 'merged';

/** The sampler as an argv for exec: no stdin, nothing but sh and coreutils or busybox. */
export function captureArgv(roots: SamplerRoots, depth: Depth): readonly string[] {
  return [...shellArgv(CAPTURE, roots), depth];
}

/** An argv that runs one of our scripts; only fixed text and the two roots are in it. */
export function shellArgv(script: string, roots: SamplerRoots): readonly string[] {
  return ['sh', '-c', script, 'sh', roots.proc ?? PROC, roots.cgroup ?? CGROUP];
}
