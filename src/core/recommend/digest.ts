/** The digest of what was seen: the one door through which other rooms use it. */
export { decodeDigest } from './decode.ts';
export { encodeDigest } from './encode.ts';
export {
  addSample,
  addVerifiedPoint,
  emptyDigest,
  imageKey,
  MAX_DIGEST_CHARACTERS,
  type Digest,
  type ImageHistory,
  type Point,
  type SampleContext,
} from './history.ts';
export { isMaterial, isWorthKeeping } from './persistence.ts';
export { threadsOf, workersOf, workingSetOf } from './sum-terms.ts';
export { usageOf, type Usage } from './usage.ts';
