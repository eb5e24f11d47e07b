/**
 * Bounded load for a test pod: keeps N requests open at once until a count or a time is reached, then prints one line of
 * JSON: {"ok":N,"failed":N,"byStatus":{"200":N,"500":N,"no answer":N},"seconds":S}.
 *
 *   node traffic.ts --url http://10.244.0.5:8080 --connections 20 (--requests 400 | --seconds 8)
 *     [--paths /work,/json?depth=200] [--header 'Name: value']…
 *
 * Only for servers of a test's own: 127.0.0.1, or an address inside a cluster's network namespace.
 */
import { request } from 'node:http';
import { parseArgs } from 'node:util';

/** Bounds that no test needs to pass: a forgotten run ends by itself. */
const MAX_SECONDS = 300;
const MAX_REQUESTS = 1_000_000;
const MAX_CONNECTIONS = 2_000;
const REQUEST_TIMEOUT_MS = 60_000;

interface Load {
  readonly url: URL;
  readonly connections: number;
  readonly requests: number;
  readonly deadline: number;
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    connections: { type: 'string', default: '1' },
    requests: { type: 'string' },
    seconds: { type: 'string' },
    paths: { type: 'string', default: '/' },
    header: { type: 'string', multiple: true, default: [] },
  },
});

if (values.url === undefined || (values.requests === undefined) === (values.seconds === undefined)) {
  process.stderr.write('traffic: needs --url, and either --requests or --seconds\n');
  process.exit(2);
}

const start = Date.now();
const byStatus = await generate({
  url: new URL(values.url),
  connections: bounded('connections', values.connections, MAX_CONNECTIONS),
  requests: bounded('requests', values.requests ?? String(MAX_REQUESTS), MAX_REQUESTS),
  deadline: start + bounded('seconds', values.seconds ?? String(MAX_SECONDS), MAX_SECONDS) * 1000,
  paths: values.paths.split(','),
  headers: Object.fromEntries(values.header.map((header) => header.split(/: */, 2) as [string, string])),
});
const total = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
const ok = byStatus['200'] ?? 0;
const seconds = (Date.now() - start) / 1000;
process.stdout.write(`${JSON.stringify({ ok, failed: total - ok, byStatus, seconds })}\n`);
process.exit(0);

async function generate(load: Load): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let begun = 0;
  async function lane(): Promise<void> {
    while (begun < load.requests && Date.now() < load.deadline) {
      const path = load.paths[begun % load.paths.length] ?? '/';
      begun += 1;
      const status = await ask(new URL(path, load.url), load.headers);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }
  await Promise.all(Array.from({ length: load.connections }, lane));
  return counts;
}

/** The status of one answer, or why there was none. A worker that dies takes its requests with it: "no answer". */
function ask(url: URL, headers: Load['headers']): Promise<string> {
  return new Promise((resolve) => {
    // A connection of its own for each request: uWSGI's HTTP socket closes after one, and an agent with a bound on its
    // sockets would hand the closing one to the next request.
    const call = request(url, { agent: false, headers, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', () => {
        resolve(String(response.statusCode));
      });
      response.on('error', () => {
        resolve('cut off');
      });
    });
    call.on('timeout', () => {
      resolve('timeout');
      call.destroy();
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'no answer');
    });
    call.end();
  });
}

function bounded(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value > 0) || value > most) {
    process.stderr.write(`traffic: --${name} ${text}: more than 0 and at most ${most}\n`);
    process.exit(2);
  }
  return value;
}
