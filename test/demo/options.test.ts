import { describe, expect, it } from 'vitest';
import { DEFAULT_IMAGE, HELP, parseOptions, UsageError } from '../../scripts/demo/options.ts';

describe('parseOptions', () => {
  it('means the throwaway cluster and text by default', () => {
    expect(parseOptions([])).toEqual({
      context: null,
      yes: false,
      image: DEFAULT_IMAGE,
      keep: false,
      output: 'text',
      help: false,
    });
  });

  it('takes a context with its options', () => {
    expect(parseOptions(['--context', 'kind', '--yes', '--image', 'a:b', '-o', 'json'])).toMatchObject({
      context: 'kind',
      yes: true,
      image: 'a:b',
      output: 'json',
    });
  });

  it.each([
    [['--contxt', 'a'], '--contxt'],
    [['--context', ''], 'an empty name'],
    [['-o', 'yaml'], 'found yaml, allowed: text or json'],
    [['--image', 'a'], '--image is for --context'],
    [['--context', 'a', '--keep'], '--keep is for the throwaway cluster'],
    [['extra'], 'extra'],
  ])('refuses %j', (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
  });
});

describe('HELP', () => {
  it('fits 80 columns', () => {
    expect(HELP.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});
