/**
 * The programs that are run inside the measured container. Each is a constant: nothing of the workload is ever put
 * into it. They read /proc and the cgroup, and print one stream of sections (capture.ts reads it):
 *
 *   @uwsgi-tuner capture 1
 *   @osrelease … @machine … @conf … @thp …      facts of the container, each the bare text of its source
 *   @memory.stat … and its neighbours           cgroup v1 or v2, under the kernel's own file names
 *   @process PID UWSGI HINT                     a process of this container; UWSGI 1 or 0, HINT a fixed word or "-";
 *                                               text: each thread's stat, status, limits, smaps, statm, in this order;
 *                                               of a foreign process its stat, status, smaps_rollup, statm
 *   @pagemap START BYTES                        raw pagemap of one row of merged stacks of the process above
 *   @end N                                      N processes: without it the stream was cut
 *
 * No text of procfs begins a line with "@": the kernel escapes line ends in names and paths. A command line is looked
 * at inside the pod only; nothing of it leaves. The whole stream is one gzip member where there is gzip, at level 6:
 * busybox knows no other, and of the smaps of 100 threads level 1 leaves 13.0 KB, level 6 8.9 KB.
 *
 * POSIX sh, run under dash, bash --posix and busybox ash. `read` costs a system call per byte and a program half a
 * millisecond, so small files are read by the shell and one `cat` takes all files of a process. `gzip <FILE` refuses
 * procfs files ("file size changed while zipping"); a pipe is fine.
 */

/** Shared by both programs: which memory cgroup a process is in, which processes are ours, which of them are uWSGI. */
export const SHELL_COMMON = `LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin; export LC_ALL PATH
P=$1 C=$2
exec 2>/dev/null
group() {
  g= u=
  while IFS= read -r l; do
    case $l in
    0::*) u=\${l#0::} ;;
    *:memory:* | *:memory,*:* | *:*,memory:* | *:*,memory,*:*) g=\${l#*:} g=\${g#*:} ;;
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
identify() {
  comm= c= uwsgi=0
  IFS= read -r comm <"$d/comm"
  case $comm in uwsgi* | uWSGI* | pyuwsgi*) uwsgi=1; return ;; esac
  exe=$(readlink "$d/exe")
  case \${exe##*/} in
  uwsgi* | pyuwsgi*) uwsgi=1 ;;
  python*) grep -q pyuwsgi "$d/maps" && uwsgi=1 ;;
  '')
    IFS= read -r c <"$d/cmdline"
    case $c in uwsgi* | uWSGI* | *pyuwsgi*) uwsgi=1 ;; esac ;;
  esac
}
each() {
  group "$P/self"
  own=$g n=0
  for d in "$P"/[0-9]*; do
    p=\${d##*/} t=
    [ "$p" = $$ ] && continue
    IFS= read -r t <"$d/stat" || continue
    set -f
    set -- "$1" \${t##*)}
    set +f
    case $2 in Z | X) continue ;; esac
    [ "$3" = $$ ] && continue
    group "$d"
    ours || continue
    parent=$3 start=\${21}
    identify
    n=$((n + 1))
    "$1"
  done
}
`;

/** `@end` is said by the caller of `each`, so that it is the last thing printed. */
const CAPTURE = `${SHELL_COMMON}say() { printf '@%s\\n' "$*"; }
file() {
  [ -r "$2" ] || return
  say "$1"
  while IFS= read -r l; do printf '%s\\n' "$l"; done <"$2"
}
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
  a= k=
  printf '%s\\n' "$1" | while IFS=' -' read -r x y z; do
    case $x in
    VmFlags:) [ -n "$a" ] && row "$a" "$b"; a= ;;
    *) a=$x b=$y ;;
    esac
  done
}
row() {
  o=$((0x$1 / page * 8)) l=$(((0x$2 - 0x$1) / page * 8))
  say "pagemap $1 $l"
  dd if="$d/pagemap" iflag=skip_bytes,count_bytes bs=65536 skip=$o count=$l
  echo
}
text() {
  if [ $uwsgi = 1 ]; then
    cat "$d"/task/[0-9]*/stat "$d/status" "$d/limits" "$d/smaps" "$d/statm"
  else
    cat "$d/stat" "$d/status" "$d/smaps_rollup" "$d/statm"
  fi
}
one() {
  h=-
  [ $uwsgi = 1 ] && hint
  say "process $p $uwsgi $h"
  if [ $uwsgi$guards = 11 ]; then
    { r=$(text | tee /proc/self/fd/3 | grep -e '^[0-9a-f]*-[0-9a-f]* ' -e '^VmFlags:.* gu' | grep -B1 '^VmFlags'); } 3>&1
    [ -n "$r" ] && marked "$r"
  else
    text
  fi
}
number() {
  x=\${1%%[!0-9.]*} y=\${1#*.}
  x=\${x%%.*} y=\${y%%[!0-9]*}
  x=$((\${x:-0} * 1000 + \${y:-0}))
}
merges() {
  guards=0
  number "$1"
  [ $x -ge 6013 ] || return
  number "\${2:-2.42}"
  [ $x -ge 2042 ] && guards=1
}
capture() {
  say 'uwsgi-tuner capture 1'
  v= m=
  IFS= read -r v <"$P/sys/kernel/osrelease"
  say osrelease
  printf '%s\\n' "$v"
  IFS= read -r m <"$P/sys/kernel/arch"
  say machine
  printf '%s\\n' "\${m:-$(uname -m)}"
  libc=$(getconf GNU_LIBC_VERSION) page=
  merges "$v" "\${libc#glibc }"
  [ $guards = 1 ] && page=$(getconf PAGESIZE)
  say conf
  printf '%s\\n' "GNU_LIBC_VERSION $libc" "PTHREAD_STACK_MIN $(getconf PTHREAD_STACK_MIN)" "PAGESIZE $page"
  page=\${page:-4096}
  for f in /lib/ld-musl-*.so.1; do [ -x "$f" ] && "$f" 2>&1; done
  file thp /sys/kernel/mm/transparent_hugepage/enabled
  group "$P/self"
  own=$g
  memory && for f in memory.max memory.high memory.current memory.peak memory.events memory.oom.group \\
    memory.stat memory.limit_in_bytes memory.usage_in_bytes memory.kmem.usage_in_bytes memory.oom_control; do
    file "$f" "$m/$f"
  done
  each one
  say "end $n"
}
if command -v gzip >/dev/null; then capture | gzip -6; else capture; fi
`;

export const PROC = '/proc';
export const CGROUP = '/sys/fs/cgroup';

/** Where the container's procfs and cgroup file system are; the defaults are right everywhere but in tests. */
export interface SamplerRoots {
  readonly proc?: string;
  readonly cgroup?: string;
}

/** The sampler as an argv for exec: no stdin, nothing but sh and coreutils or busybox. */
export function captureArgv(roots: SamplerRoots): readonly string[] {
  return shellArgv(CAPTURE, roots);
}

/** An argv that runs one of our scripts; only fixed text and the two roots are in it. */
export function shellArgv(script: string, roots: SamplerRoots): readonly string[] {
  return ['sh', '-c', script, 'sh', roots.proc ?? PROC, roots.cgroup ?? CGROUP];
}
