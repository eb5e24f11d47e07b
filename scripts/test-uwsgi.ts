/** `npm run test:uwsgi -- [--count N] [--seed S] [--only I] [--format F]`: generated configs against two real builds of uWSGI. */
import { parseArgs } from 'node:util';

import { runTests } from './steps.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    format: { type: 'string' },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (name !== 'format' && !/^\d{1,9}$/.test(value))
    throw new Error(`--${name}: found "${value}", allowed: a whole number of 9 digits`);
  process.env[`UWSGI_${name.toUpperCase()}`] = value;
}
const { ok } = await runTests('uwsgi', true);
process.exitCode = ok ? 0 : 1;
