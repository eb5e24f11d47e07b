import { describe, expect, it } from 'vitest';
import { Writable } from 'node:stream';
import { ClusterError } from '../../src/cluster/errors.ts';
import { createLogger, type LogFields, type Logger, type LogLevel } from '../../src/controller/log.ts';

function capture(level: LogLevel = 'debug'): { log: Logger; lines: () => Record<string, unknown>[] } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  return {
    log: createLogger({ level, stream }),
    lines: () =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('the log', () => {
  it('is one JSON object a line: time, level, message, fields', () => {
    const { log, lines } = capture();
    log.child({ tuning: 'shop/web' }).info('config written', { processes: 8, hash: 'ab' });
    expect(lines()).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        level: 'info',
        message: 'config written',
        tuning: 'shop/web',
        processes: 8,
        hash: 'ab',
      },
    ]);
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = capture('warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(lines().map((line) => line['message'])).toEqual(['c', 'd']);
  });

  it('drops fields it does not know and values that are not plain, and cuts long text', () => {
    const { log, lines } = capture();
    log.info('x', {
      environment: 'SECRET=1',
      pod: { spec: 'SECRET' },
      reason: 'y'.repeat(1_000),
    } as unknown as LogFields);
    expect(JSON.stringify(lines())).not.toContain('SECRET');
    expect(lines()[0]?.['reason']).toHaveLength(300);
  });

  it('tells kind and message of a cluster error', () => {
    const { log, lines } = capture();
    log.error('sample failed', { error: new ClusterError('Forbidden', 'exec in shop/web-0/app: 403 no') });
    expect(lines()[0]).toMatchObject({ errorKind: 'Forbidden', error: 'exec in shop/web-0/app: 403 no' });
  });

  it('tells of other errors only the name and the place, never the message', () => {
    const { log, lines } = capture();
    try {
      JSON.parse('SECRET=1');
    } catch (error) {
      log.error('reconcile failed', { error });
    }
    log.error('thrown text', { error: 'SECRET=2' });
    expect(JSON.stringify(lines())).not.toContain('SECRET');
    expect(lines()[0]).toMatchObject({ error: 'SyntaxError' });
    expect(JSON.stringify(lines()[0]?.['stack'])).toContain('log.test.ts');
  });

  it('keeps a message with line breaks on one line', () => {
    const { log, lines } = capture();
    log.info('a\nb', { reason: 'c\nd' });
    expect(lines()).toHaveLength(1);
  });
});
