/**
 * The digest as status carries it: as it is, but with each distribution as one short text ("4173x1 4209x2.5": value x
 * weight), so that `kubectl describe` shows a line and not twenty. decode.ts reads it back.
 */
import type { Digest, ImageHistory, Point } from './history.ts';
import type { Sketch } from './sketch.ts';

type Encoded<T> = { -readonly [K in keyof T]: T[K] extends Sketch ? string : T[K] };

export type EncodedPoint = Encoded<Point>;
export type EncodedHistory = Omit<Encoded<ImageHistory>, 'points'> & { points: EncodedPoint[] };
export interface EncodedDigest {
  images: EncodedHistory[];
  pods: { uid: string; oomKills: number }[];
}

export function encodeDigest(digest: Digest): EncodedDigest {
  return { images: digest.images.map(encodeHistory), pods: digest.pods.map((pod) => ({ ...pod })) };
}

export function encodeSketch(sketch: Sketch): string {
  return sketch.map(([value, weight]) => `${value}x${weight}`).join(' ');
}

function encodeHistory(history: ImageHistory): EncodedHistory {
  return {
    ...history,
    master: encodeSketch(history.master),
    forkShared: encodeSketch(history.forkShared),
    others: encodeSketch(history.others),
    tmpfs: encodeSketch(history.tmpfs),
    fileCache: encodeSketch(history.fileCache),
    points: history.points.map(encodePoint),
  };
}

function encodePoint(point: Point): EncodedPoint {
  return {
    ...point,
    private: encodeSketch(point.private),
    stackResident: encodeSketch(point.stackResident),
    kernelFactor: encodeSketch(point.kernelFactor),
    sharedFactor: encodeSketch(point.sharedFactor),
  };
}
