import { describe, expect, it } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { runtimeFloor } from '../../../src/core/recommend/floor.ts';
import { stackRisk } from '../../../src/core/recommend/stack-risk.ts';
import { PLATFORM } from '../../support/builders.ts';
import { python } from './builders.ts';

describe('stackRisk', () => {
  it.each([
    [11, 64, 'crash'],
    [11, 128, 'crash'],
    [11, 256, 'crash'],
    [11, 384, 'unmeasured'],
    [11, 512, null],
    [13, 64, 'crash'],
    [13, 1024, 'crash'],
    [13, 2048, 'crash'],
    [13, 3072, null],
    [14, 64, 'error'],
    [14, 256, 'error'],
    [14, 512, null],
    [15, 2048, 'unmeasured'],
  ])('of Python 3.%i with %i KiB is %s', (minor, size, kind) => {
    expect(stackRisk(kib(size), python(minor))?.kind ?? null).toBe(kind);
  });

  it("says that the blog's 64 is a remote crash, and where it is not known says so", () => {
    expect(stackRisk(kib(64), python(13))?.text).toContain('remote crash');
    expect(stackRisk(kib(64), { ...PLATFORM, python: null })?.text).toBe(
      'below 3Mi, the floor for an unknown language runtime',
    );
  });

  it('is none at the floor of any version', () => {
    for (const minor of [6, 8, 11, 12, 13, 14, 15]) {
      expect(stackRisk(runtimeFloor(python(minor)).size, python(minor))).toBeNull();
    }
  });
});
