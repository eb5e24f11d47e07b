import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../src/cluster/lines.ts';
import { deployments, namespaces, pathOf, pods } from '../../src/cluster/paths.ts';

describe('the line splitter', () => {
  const split = (chunks: readonly string[], maxLineBytes = 100): string[] => {
    const lines: string[] = [];
    const splitter = new LineSplitter({ maxLineBytes }, (line) => lines.push(line));
    for (const chunk of chunks) splitter.push(Buffer.from(chunk, 'latin1'));
    splitter.end();
    return lines;
  };

  it('joins lines over chunks, inside a character too, and keeps empty ones', () => {
    const bytes = Buffer.from('one\n\nzwölf\nlast').toString('latin1');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(split([bytes.slice(0, cut), bytes.slice(cut)])).toEqual(['one', '', 'zwölf', 'last']);
    }
  });

  it('cuts a line at its cap and goes on with the next', () => {
    expect(split(['aaaa', 'aaaa', 'aa\nbb\n'], 5)).toEqual(['aaaaa', 'bb']);
  });

  it('throws instead where that was asked for', () => {
    const splitter = new LineSplitter({ maxLineBytes: 5, tooLong: () => new Error('long') }, () => undefined);
    expect(() => {
      splitter.push(Buffer.from('aaaaaa'));
    }).toThrow('long');
  });
});

describe('paths', () => {
  it('name collections, objects and subresources', () => {
    expect(pathOf(pods)).toBe('/api/v1/pods');
    expect(pathOf(namespaces, { name: 'shop' })).toBe('/api/v1/namespaces/shop');
    expect(pathOf(deployments, { namespace: 'shop', name: 'web', subresource: 'status' })).toBe(
      '/apis/apps/v1/namespaces/shop/deployments/web/status',
    );
  });

  it.each(['', '.', '..'])('refuse the name "%s", which would reach another object', (name) => {
    expect(() => pathOf(pods, { namespace: 'shop', name })).toThrow('not a name of a Kubernetes object');
  });

  it('encode what a name must not hold', () => {
    expect(pathOf(pods, { namespace: 'a/b', name: 'x?y' })).toBe('/api/v1/namespaces/a%2Fb/pods/x%3Fy');
  });
});
