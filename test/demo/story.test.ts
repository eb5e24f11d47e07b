import { describe, expect, it } from 'vitest';
import { COLOURS, PLAIN, WIDTH } from '../../scripts/demo/text.ts';
import { renderChanged } from '../../scripts/demo/story/changed.ts';
import { renderClosing } from '../../scripts/demo/story/closing.ts';
import { renderFound, renderSum } from '../../scripts/demo/story/found.ts';
import { renderPutBack } from '../../scripts/demo/story/put-back.ts';
import { CHANGED, FOUND, PUT_BACK } from './facts.ts';

const PARTS = {
  found: renderFound(FOUND, PLAIN),
  sum: renderSum(FOUND, PLAIN),
  changed: renderChanged(CHANGED, PLAIN),
  putBack: renderPutBack(PUT_BACK, PLAIN),
  closing: renderClosing({ tunings: 'NAME  MODE\nweb   Patch\n' }),
};

/** One line, so that a phrase may be looked for where it was broken. */
function flat(text: string): string {
  return text.replace(/\s+/g, ' ');
}

describe('every part of the story', () => {
  it.each(Object.entries(PARTS))('%s fits 80 columns, has no escape codes, and no line ends in blanks', (_, text) => {
    const lines = text.split('\n');

    expect(lines.filter((line) => line.length > WIDTH || /\s$/.test(line) || line.includes('\x1b'))).toEqual([]);
    expect(text).not.toMatch(/undefined|null|NaN|unknown/);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('differs in colour codes alone where colour is wanted', () => {
    const coloured = renderFound(FOUND, COLOURS) + renderPutBack(PUT_BACK, COLOURS);

    expect(coloured).toContain('\x1b[31m');
    expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(PARTS.found + PARTS.putBack);
  });
});

describe('what was found', () => {
  it('tells mapped and resident apart, each as the status has it', () => {
    expect(PARTS.found).toMatch(/mapped +1640Mi {2}address space, which the memory limit does not charge/);
    expect(PARTS.found).toMatch(/resident +5\.1Mi {2}pages ever touched, which it does charge/);
    expect(PARTS.found).toMatch(/deepest +52Ki /);
    expect(flat(PARTS.found)).toContain('Each worker has 41 such stacks');
    expect(flat(PARTS.found)).toContain('one pod has 205:');
    expect(flat(PARTS.found)).toContain('answered 777 requests in 9 s, up to 55 at once on each.');
  });

  it('sets the counted stacks beside the round figures of the blog, with the risk in full below', () => {
    expect(PARTS.found).toMatch(/8192K +1640Mi +measured +3\.2 GB$/m);
    expect(PARTS.found).toMatch(/512K +102\.5Mi +calculated +200 MB +<- recommended$/m);
    expect(PARTS.found).toMatch(/64K +12\.8Mi +calculated +25 MB +remote crash \[1\]$/m);
    expect(flat(PARTS.found)).toContain(
      '[1] remote crash: a JSON body of nested lists (148 KiB deep) kills the worker',
    );
    expect(PARTS.found).toContain('Warning: 64 is not safe here.');
  });

  it('leaves the memory map out where stacks have no rows of their own', () => {
    expect(renderFound({ ...FOUND, pmap: [] }, PLAIN)).not.toContain('pmap');
  });

  it('says how many requests failed', () => {
    const failed = renderFound({ ...FOUND, load: { ...FOUND.load, failed: 12 } }, PLAIN);

    expect(flat(failed)).toContain('requests in 9 s (12 failed)');
  });
});

describe('the sum', () => {
  it('adds up the very lines it shows, against the limit less the head room of the spec', () => {
    expect(PARTS.sum).toMatch(/^ {2}workers +111Mi +99Mi +measured$/m);
    expect(PARTS.sum).toMatch(/^ {2}sum +133Mi +110Mi$/m);
    expect(PARTS.sum).toMatch(/^ {2}allowed +747Mi +900Mi less 17 % head room$/m);
    expect(PARTS.sum).toMatch(/^ {2}worst case +234Mi +every stack touched to its end$/m);
    expect(PARTS.sum).toContain('Saved in each pod: 1537Mi of address space; resident memory: none.');
  });
});

describe('the change', () => {
  it('shows the changed lines, both columns, and how far the expectation was off', () => {
    expect(PARTS.changed).toContain('    +threads-stacksize = 512\n');
    expect(PARTS.changed).toMatch(/stacks, mapped +1640Mi +102\.5Mi$/m);
    expect(PARTS.changed).toMatch(/stacks, resident +5\.1Mi +5Mi$/m);
    expect(flat(PARTS.changed)).toContain(
      'expected 110Mi, measured 99Mi (mean of the pods), 10 % less; charged for it were 133Mi.',
    );
    expect(flat(PARTS.changed)).toContain('(777 answered, 4 failed)');
    expect(PARTS.changed).toContain('Normal   Verified  no harm was seen');
  });
});

describe('the put-back', () => {
  it('shows the first deaths, what kubectl shows, and the seconds until the old text was back', () => {
    expect(PARTS.putBack.match(/killed by signal 11/g)).toHaveLength(4);
    expect(PARTS.putBack).toContain('and 2 more');
    expect(flat(PARTS.putBack)).toContain('The log of 2 pods:');
    expect(PARTS.putBack).toContain('    web-64k-a   1/1     Running   0          5s\n');
    expect(flat(PARTS.putBack)).toContain('0.7 s after the first death was seen; after 5.3 s the pods were replaced');
    expect(flat(PARTS.putBack)).toContain('They run 2x10 8Mi again.');
  });

  it('says what was learned and what would be tried next', () => {
    expect(flat(PARTS.putBack)).toContain('StackTooSmall at 64Ki on image example/web:7. That is not tried again.');
    expect(flat(PARTS.putBack)).toContain('it would try 2x10 128Ki');
  });
});
