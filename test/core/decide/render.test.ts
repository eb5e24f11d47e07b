import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/api/uwsgi-tuning.ts';
import { hashText } from '../../../src/core/decide/hash.ts';
import { isOldText, renderChange, renderPutBack, renderValues, textState } from '../../../src/core/decide/render.ts';
import { kib, mib } from '../../../src/core/quantity.ts';
import { change, configMap } from './builders.ts';

const OLD = '[uwsgi]\nprocesses = 4 # four\nthreads = 20\n';
const NEW = '[uwsgi]\nprocesses = 4 # four\nthreads = 20\nthreads-stacksize = 512\n';
const planned: Change = change({ oldHash: hashText(OLD), newHash: hashText(NEW) });
const saved = { text: OLD, hash: hashText(OLD), key: 'uwsgi.ini', configMapUid: 'configmap-1' };
const FROM = { processes: 4, threads: 20, threadStackSize: mib(8) };

const INI = { format: 'Ini', section: 'uwsgi' } as const;

describe('renderValues', () => {
  test('sets only what differs', () => {
    expect(renderValues(OLD, INI, FROM, { ...FROM, threadStackSize: kib(512) })).toEqual({ ok: true, text: NEW });
    expect(renderValues(OLD, INI, FROM, FROM)).toEqual({ ok: true, text: OLD });
    expect(renderValues(OLD, INI, FROM, { ...FROM, threadStackSize: null })).toEqual({ ok: true, text: OLD });
  });

  test('refuses what it cannot prove, with option and line', () => {
    const text = OLD.replace('threads = 20', 'threads = $(THREADS)');
    const rendered = renderValues(text, INI, FROM, { ...FROM, threads: 10 });
    expect(rendered.ok).toBe(false);
    expect(rendered.ok ? '' : rendered.message).toMatch(/^threads: line 3: /);
  });
});

describe('renderChange', () => {
  test('gives the text of the plan', () => {
    expect(renderChange(OLD, planned)).toEqual({ ok: true, text: NEW });
  });

  test('works in the dialect of the plan', () => {
    const [old, edited] = ['uwsgi:\n  threads: 20\n', 'uwsgi:\n  threads: 20\n  threads-stacksize: 512\n'];
    const inYaml = change({
      configMap: { name: 'web-uwsgi', uid: 'configmap-1', key: 'uwsgi.yaml', section: 'uwsgi', format: 'Yaml' },
      oldHash: hashText(old),
      newHash: hashText(edited),
    });
    const after = `${edited}  harakiri: 30\n`;

    expect(renderChange(old, inYaml)).toEqual({ ok: true, text: edited });
    expect(textState(configMap({ text: after }), inYaml)).toBe('EditedNew');
    expect(renderPutBack(after, { ...saved, text: old }, inYaml)).toEqual({ ok: true, text: `${old}  harakiri: 30\n` });
  });

  test('refuses a text that gives another than the planned one', () => {
    expect(renderChange(`${OLD}harakiri = 30\n`, planned)).toEqual({
      ok: false,
      message: 'the text renders differently now than when the change was planned',
    });
  });
});

describe('the live text', () => {
  test.each([
    ['as it was before', OLD, 'Old'],
    ['as the change writes it', NEW, 'New'],
    ['with our values and other lines of somebody', `${NEW}harakiri = 30\n`, 'EditedNew'],
    ['with other values of somebody', NEW.replace('512', '1024'), 'Foreign'],
    ['old, with other lines of somebody', `${OLD}harakiri = 30\n`, 'Foreign'],
    ['without the key', null, 'Missing'],
  ])('%s', (_name, text, expected) => {
    expect(textState(configMap({ text }), planned)).toBe(expected);
  });

  test('of another object, or of none', () => {
    expect(textState(configMap({ text: NEW, uid: 'configmap-2' }), planned)).toBe('Missing');
    expect(textState(null, planned)).toBe('Missing');
  });
});

describe('a put-back', () => {
  test('restores the saved text whole where nobody edited', () => {
    expect(renderPutBack(NEW, saved, planned)).toEqual({ ok: true, text: OLD });
  });

  test('restores only our values where somebody did', () => {
    expect(renderPutBack(`# mine\n${NEW}harakiri = 30\n`, saved, planned)).toEqual({
      ok: true,
      text: `# mine\n${OLD}harakiri = 30\n`,
    });
  });
});

test.each([
  ['the old text', saved, true],
  ['nothing', null, false],
  ['the text of another change', { ...saved, text: NEW, hash: hashText(NEW) }, false],
  ['a text that somebody edited since', { ...saved, text: `${OLD}# edited\n` }, false],
])('a saved copy of %s', (_name, copy, expected) => {
  expect(isOldText(copy, planned)).toBe(expected);
});
