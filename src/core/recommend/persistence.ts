/** When a digest is worth a write. Both questions compare with what stands in status, so nothing is written twice. */
import { mib } from '../quantity.ts';
import type { Digest, ImageHistory } from './history.ts';
import { confidenceOf } from './confidence.ts';
import { percentile, type Sketch } from './sketch.ts';

/** A change of memory below either is noise. */
const NOISE_SHARE = 0.02;
const NOISE_BYTES = mib(1);
const KIB = 1024;

/**
 * Must be written at once: another image or tier, a count of threads not seen before or now verified, a deeper
 * high-water mark, a memory peak that grew by more than 2 % and 1 MiB, out-of-memory kills that at least doubled: of a pod
 * that is killed again and again the count alone is no news.
 */
export function isMaterial(previousPersisted: Digest, current: Digest): boolean {
  const [now] = current.images;
  if (now === undefined) return false;
  const [before] = previousPersisted.images;
  if (before?.image !== now.image || before.tier !== now.tier) return true;
  return (
    (now.oomKills > before.oomKills && now.oomKills >= 2 * before.oomKills) ||
    (now.stackHighWater ?? -1) > (before.stackHighWater ?? -1) ||
    grew(before.peak, now.peak) ||
    pointsOf(before) !== pointsOf(now)
  );
}

/**
 * Worth the hourly write: confidence moved, or a typical or a high value of any term moved by more than noise. False for
 * ever on a workload that is fully known and stays the same, which so is never written again.
 */
export function isWorthKeeping(previousPersisted: Digest, current: Digest): boolean {
  if (isMaterial(previousPersisted, current)) return true;
  const [before] = previousPersisted.images;
  const [now] = current.images;
  if (before === undefined || now === undefined) return false;
  if (confidence(before) !== confidence(now) || now.oomKills > before.oomKills) return true;
  const [pointBefore] = before.points;
  const [pointNow] = now.points;
  if (pointBefore?.threads !== pointNow?.threads) return true;
  return (
    moved(before.master, now.master) ||
    moved(before.forkShared, now.forkShared) ||
    moved(before.others, now.others) ||
    moved(before.tmpfs, now.tmpfs) ||
    moved(pointBefore?.private ?? [], pointNow?.private ?? [])
  );
}

function confidence({ observedMs, samples, tier }: ImageHistory): number {
  return confidenceOf(observedMs, samples, tier);
}

function pointsOf(history: ImageHistory): string {
  const points = history.points.map((point) => `${point.threads}${point.verified ? ' verified' : ''}`);
  return points.sort().join();
}

function grew(before: number | null, now: number | null): boolean {
  if (now === null) return false;
  return before === null || (now - before > NOISE_BYTES && now > before * (1 + NOISE_SHARE));
}

function moved(before: Sketch, now: Sketch): boolean {
  return [0.5, 0.95].some((share) => {
    const [was, is] = [percentile(before, share), percentile(now, share)];
    if (was === null || is === null) return was !== is;
    const change = Math.abs(is - was);
    return change * KIB > NOISE_BYTES && change > was * NOISE_SHARE;
  });
}
