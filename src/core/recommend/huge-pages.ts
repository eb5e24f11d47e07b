/** When a thread stack can be backed by huge pages and so be really resident (kernel-lab.md, "What it showed"). */
import type { Platform } from '../memory/sample.ts';
import { bytes, kib, type Bytes } from '../quantity.ts';

const DEFAULT_PAGE = kib(4);
/** A page table page holds one entry of 8 bytes for each page of a huge page. */
const ENTRY_BYTES = 8;

export function pageSizeOf(platform: Platform): Bytes {
  return platform.pageSize ?? DEFAULT_PAGE;
}

/** 2 MiB for pages of 4 KiB, 32 MiB for 16 KiB, 512 MiB for 64 KiB. */
export function hugePageSize(platform: Platform): Bytes {
  const page = pageSizeOf(platform);
  return bytes((page / ENTRY_BYTES) * page);
}

/** The guard below each stack: one page with glibc, two with musl. */
export function guardSize(platform: Platform): Bytes {
  const page = pageSizeOf(platform);
  return bytes(platform.libc?.name === 'musl' ? 2 * page : page);
}

/** From 6.7 on, and wherever huge pages are not `always` on, a stack never gets one. An unknown kernel may be old. */
export function stacksMayBeHuge(platform: Platform): boolean {
  if (platform.transparentHugePages !== 'always') return false;
  const version = /^(\d+)\.(\d+)/.exec(platform.kernel ?? '');
  if (version === null) return true;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major < 6 || (major === 6 && minor < 7);
}

/** Whether a stack of this size can hold a huge page on this platform; then it is charged whole. */
export function isHugeStack(size: Bytes, platform: Platform): boolean {
  return stacksMayBeHuge(platform) && size >= hugePageSize(platform);
}

/** Whether stack and guard are a multiple of a huge page: then every stack has the same alignment, and all may be huge. */
export function invitesHugePages(size: Bytes, platform: Platform): boolean {
  return (size + guardSize(platform)) % hugePageSize(platform) === 0;
}

/**
 * Page table bytes of one stack: the touched top of a stack of 2 MiB or more has a page table page for itself, smaller
 * stacks share one. 8 MiB: 4 KiB. 512 KiB: 1 KiB. 64 KiB: 136 bytes. Measured: 3.3 KiB between 8 MiB and 256 KiB.
 */
export function pageTableBytes(size: Bytes, platform: Platform): number {
  return pageSizeOf(platform) * Math.min(1, (size + guardSize(platform)) / hugePageSize(platform));
}
