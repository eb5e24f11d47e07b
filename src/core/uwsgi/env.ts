/**
 * `UWSGI_*` variables as lines of `NAME=value`, in the order of the environment (core/utils.c parse_sys_envs): the name
 * without its prefix, in lower case and with dashes, is the option. Other variables are none of uWSGI's.
 */
import { MAX_OPTIONS, type ConfigDocument, type Fault } from './dialect.ts';
import { insertLineAfter, placedDocument, rawLineAt, wholeLine } from './placed.ts';
import type { PlacedDirective, PlacedSection } from './placed.ts';

const PREFIX = 'UWSGI_';

/** Variables that uWSGI sets for itself. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['UWSGI_RELOADS', 'UWSGI_VASSALS_DIR', 'UWSGI_EMPEROR_FD', 'UWSGI_BROODLORD_NUM', 'UWSGI_EMPEROR_FD_CONFIG'],
  ...['UWSGI_EMPEROR_PROXY', 'UWSGI_JAIL_PID', 'UWSGI_ORIGINAL_PROC_NAME'],
]);

/** The option that a variable sets; null when it is none of uWSGI's. The prefix is in capitals, the rest in any case. */
export function optionOfVariable(name: string): string | null {
  if (!name.startsWith(PREFIX) || RESERVED.has(name)) return null;
  return name
    .slice(PREFIX.length)
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replaceAll('_', '-');
}

/** The variable that sets an option. */
export function variableOfOption(key: string): string {
  return PREFIX + key.toUpperCase().replaceAll('-', '_');
}

/** Reads a text of variables. There are no sections: whichever is asked for, it is all of them. */
export function readEnv(text: string): ConfigDocument {
  const section = readLines(text);
  return placedDocument({
    text,
    section: () => section,
    insert: (_, after, { key, value }) => {
      const line = after === null ? null : rawLineAt(text, after.whole.to - 1);
      return line === null ? null : insertLineAfter(text, line, `${variableOfOption(key)}=${value}`);
    },
  });
}

function readLines(text: string): PlacedSection {
  const directives: PlacedDirective[] = [];
  let unreadable: Fault | null = null;
  let number = 0;
  for (let start = 0; start < text.length && directives.length <= MAX_OPTIONS;) {
    const line = rawLineAt(text, start);
    start = line.next;
    number++;
    const content = text.slice(line.start, line.end);
    const indent = content.search(/[^ \t]/);
    if (indent === -1 || content[indent] === '#') continue;
    const equals = content.indexOf('=');
    const key = optionOfVariable(content.slice(indent, equals === -1 ? undefined : equals));
    if (key === null) continue;
    if (equals === -1) {
      unreadable ??= {
        line: number,
        reason: 'a variable without a value, which the pod takes from elsewhere',
        cause: 'UnreadForm',
      };
      break;
    }
    const span = { from: line.start + equals + 1, to: line.end };
    const whole = wholeLine(text, line);
    directives.push({ key, value: content.slice(equals + 1), line: number, lock: null, span, inner: span.from, whole });
  }
  return { found: directives.length > 0, directives, unreadable, fatal: null };
}
