/**
 * Asks the kernel for the guards and the touched pages of merged stacks (ioctl PAGEMAP_SCAN, Linux 6.7). It skips what was
 * never touched: 100 stacks of 8 MiB are 1.6 MB of raw page map and 5 KB of regions. perl, as it starts in a millisecond
 * and belongs to every Debian and Ubuntu, slim ones too; images without it print the raw page map (capture-script.ts).
 *
 * Arguments: the procfs, then pids; other words name no process and are passed over. Prints of each row that begins with
 * a guard "@regions START BYTES PID" and struct page_region[] of include/uapi/linux/fs.h: start, end, categories, 8 bytes
 * each. Nothing of a row is printed where the call fails. A full answer of 2048 regions is gone on with behind its last;
 * the kernel's walk_end is not looked at, as it stays at a place within when there were more than 512. No single quote in
 * the program: the shell holds it in some.
 *
 *   0xC0606610   PAGEMAP_SCAN: _IOWR('f', 16, 96 bytes)
 *   0x118        categories asked for: present (8), swapped (0x10), guard (0x100)
 */
export const SCAN_REGIONS = String.raw`
binmode STDOUT;
($P, @p) = @ARGV;
vec($v, 6143, 64) = 0;
for $p (@p) {
  open M, "<", "$P/$p/maps" or next;
  open G, "<", "$P/$p/pagemap" or next;
  ROW: while (<M>) {
    /^(\w+)-(\w+) rw.p 0+ 00:00 0 *(\[anon.*)?$/ or next;
    ($i, $s, $e) = ($1, hex $1, hex $2);
    $r = "";
    for ($at = $s, $n = 2048; $n == 2048; $at = unpack "x49136Q", $v) {
      $a = pack "Q5PQ6", 96, 0, $at, $e, 0, $v, 2048, 0, 0, 0, 0x118, 0x118;
      defined($n = ioctl G, 0xC0606610, $a) or next ROW;
      ($x, $c) = unpack "Qx8Q", $v;
      $n > 0 && $x == $s && $c & 0x100 or next ROW if $at == $s;
      $r .= substr $v, 0, $n * 24;
    }
    print "\@regions $i ", length $r, " $p\n$r\n";
  }
}
`;
