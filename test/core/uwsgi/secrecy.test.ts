/** Sentences about a config reach status, events and logs: none may quote the value of an option. */
import { expect, test } from 'vitest';
import { kib } from '../../../src/core/quantity.ts';
import { editConfig } from '../../../src/core/uwsgi/edit.ts';
import { readConfig } from '../../../src/core/uwsgi/reading.ts';

const SECRET = 'hunter2';
const OPTIONS = { format: 'Ini', section: 'uwsgi' } as const;

test.each([
  ['a file that is loaded', `include = http://user:${SECRET}@config/uwsgi.ini`],
  ['a file that is inherited', `inherit = http://user:${SECRET}@config/uwsgi.ini`],
  ['a block of an option behind such a file', `include = ${SECRET}.ini`, 'if-opt = a', 'threads = 4', 'endif'],
  ['an option made by declare-option', 'declare-option = login=env=TOKEN=$1;threads=4', `login = ${SECRET}`],
  ['declare-option without a template', `declare-option = ${SECRET}`],
  ['set without a value', `set = ${SECRET}`],
  ['a value from a program', `threads = @(exec://ask --token=${SECRET})`],
  ['a block', `if-env = TOKEN=${SECRET}`, 'threads = 4', 'endif'],
  ['a number with a placeholder behind it', `token = ${SECRET}`, 'threads = 4%(token)'],
])('%s', (_name, ...lines) => {
  const text = ['[uwsgi]', ...lines, ''].join('\n');
  expect(text).toContain(SECRET);
  const reading = readConfig(text, OPTIONS);
  const edit = editConfig(text, OPTIONS, { processes: 3, threads: 3, threadStackSize: kib(512) });
  const said = [reading.processes, reading.threads, reading.threadStackSize].map(({ reason, editable }) => [
    reason,
    editable,
  ]);
  const refused = edit.ok ? [] : edit.refusals.map(({ reason }) => reason);
  expect(JSON.stringify([said, refused, reading.notes])).not.toContain(SECRET);
});
