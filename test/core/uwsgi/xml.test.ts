import { describe, expect, it, test } from 'vitest';
import { editConfig, restoreValues, type WantedValues } from '../../../src/core/uwsgi/edit.ts';
import { readConfig, type ConfigReading } from '../../../src/core/uwsgi/reading.ts';

const OPTIONS = { format: 'Xml', section: 'uwsgi' } as const;

const read = (text: string, section = 'uwsgi'): ConfigReading => readConfig(text, { format: 'Xml', section });

/** Every expectation here was seen from a build with libxml2 and from one with expat. */
describe('processes in XML', () => {
  test.each<[sentence: string, text: string, value: number]>([
    ['are the text of an element', '<uwsgi><processes>4</processes></uwsgi>', 4],
    ['are read inside of another root', '<?xml version="1.0"?>\n<a><uwsgi><processes> 4 </processes></uwsgi></a>\n', 4],
    ['come from the last of two', '<uwsgi><processes>4</processes><workers>3</workers></uwsgi>', 3],
    ['are 1 for an empty element', '<uwsgi><processes/></uwsgi>', 1],
    ['are the text of CDATA', '<uwsgi><processes><![CDATA[4]]></processes></uwsgi>', 4],
    ['do not come from a comment', '<uwsgi><a>1</a><!-- <processes>4</processes> --></uwsgi>', 1],
  ])('%s', (_, text, value) => {
    expect([read(text).processes.value, read(text).processes.reason]).toEqual([value, null]);
  });

  test.each<[sentence: string, text: string, reason: string]>([
    [
      'on a line of their own, which expat hands over apart',
      '<uwsgi><processes>\n4\n</processes></uwsgi>',
      'uWSGI with libxml2 reads 4 of line 1, uWSGI with expat reads 0 of line 1',
    ],
    [
      'behind a comment, which libxml2 shows first',
      '<uwsgi><processes><!-- four -->4</processes></uwsgi>',
      'uWSGI with libxml2 reads 0 of line 1, uWSGI with expat reads 4 of line 1',
    ],
    [
      'without the element, for which only uWSGI with libxml2 exits',
      '<app><a>1</a></app>',
      'uWSGI with libxml2 reads what it cannot tell (line 1: no element <uwsgi> in the text, and uWSGI exits), ' +
        'uWSGI with expat reads nothing',
    ],
  ])('are null %s', (_, text, reason) => {
    expect(read(text).processes).toMatchObject({ value: null, cause: 'Builds', reason });
  });

  test.each<[sentence: string, text: string, fault: RegExp]>([
    ['a document type', '<!DOCTYPE a><uwsgi><a>1</a></uwsgi>', /this form of XML is not read/],
    ['an attribute mode', '<uwsgi><a mode="x">1</a></uwsgi>', /an attribute "mode": this form/],
    ['an element without its end', '<uwsgi><a>1</uwsgi>', /<\/uwsgi> without its beginning/],
  ])('are null for %s', (_, text, fault) => {
    expect(read(text).fault?.reason).toMatch(fault);
    expect(read(text).processes.value).toBeNull();
  });

  it('come from the id that is asked for', () => {
    const text = '<a><uwsgi id="x"><threads>2</threads></uwsgi><uwsgi id="y"><threads>3</threads></uwsgi></a>';

    expect(read(text, 'y').threads.value).toBe(3);
  });
});

describe('an edit of XML', () => {
  test.each<[sentence: string, before: string, wanted: WantedValues, after: string]>([
    [
      'changes the digits',
      '<uwsgi>\n  <threads note="x"> 4 </threads>\n</uwsgi>',
      { threads: 8 },
      '<uwsgi>\n  <threads note="x"> 8 </threads>\n</uwsgi>',
    ],
    [
      'adds a line of its own, first in the section',
      '<uwsgi>\r\n\t<!-- a -->\r\n\t<a>1</a>\r\n</uwsgi>\r\n',
      { threads: 2 },
      '<uwsgi>\r\n\t<!-- a -->\r\n\t<threads>2</threads>\r\n\t<a>1</a>\r\n</uwsgi>\r\n',
    ],
    ['adds to a text of one line', '<uwsgi><a/></uwsgi>', { threads: 2 }, '<uwsgi><threads>2</threads><a/></uwsgi>'],
  ])('%s', (_, before, wanted, after) => {
    const result = editConfig(before, OPTIONS, wanted);

    expect(result).toMatchObject({ ok: true, text: after });
    expect(restoreValues(after, before, OPTIONS)).toMatchObject({ ok: true, text: before });
  });

  test.each<[sentence: string, text: string, reason: RegExp]>([
    ['an empty element', '<uwsgi><threads/></uwsgi>', /threads has no text/],
    [
      'a number in quotes on a line of its own',
      '<uwsgi><threads>\n"4"\n</threads></uwsgi>',
      /would change another option/,
    ],
    ['CDATA', '<uwsgi><threads><![CDATA[4]]></threads></uwsgi>', /threads is not written as plain text/],
  ])('refuses %s', (_, text, reason) => {
    const result = editConfig(text, OPTIONS, { threads: 8 });

    expect(result.ok ? '' : result.refusals[0]?.reason).toMatch(reason);
  });
});
