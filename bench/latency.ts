/** What samples do to requests: latency in short windows with samples and without, in turn, in one run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './measure.ts';

const PATH = '/json?depth=200';
/** Bounds of the load: some 150 requests a second for less than a minute. */
const LANES = 4;
const PAUSE_MS = 20;
const WINDOW_MS = 3000;
const WINDOWS = 16;
/** The operator samples a pod every minute; here 60 times as often. */
const SAMPLE_EVERY_MS = 1000;

/** Runs the windows and tells both latencies. Every second window samples, in the order - + + - so that a drift falls on both. */
export async function compareLatency(url: string, sampler: readonly string[]): Promise<string> {
  const alone: number[] = [];
  const sampled: number[] = [];
  await serve(url, 1000, []);
  for (let window = 0; window < WINDOWS; window += 1) {
    const samples = window % 4 === 1 || window % 4 === 2;
    const until = performance.now() + WINDOW_MS;
    await Promise.all([serve(url, WINDOW_MS, samples ? sampled : alone), samples ? sampleUntil(until, sampler) : null]);
  }
  const ms = (values: readonly number[], part: number): string => `${quantile(values, part).toFixed(2)} ms`;
  const line = (name: string, values: readonly number[]): string =>
    `  ${name.padEnd(26)} p50 ${ms(values, 0.5)}, p99 ${ms(values, 0.99)}, ${String(values.length)} requests\n`;
  const ratio = quantile(sampled, 0.99) / quantile(alone, 0.99);
  return `${line('alone', alone)}${line('a sample every second', sampled)}  p99 ${ratio.toFixed(2)} x\n`;
}

async function serve(url: string, forMs: number, latencies: number[]): Promise<void> {
  const until = performance.now() + forMs;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      const begun = performance.now();
      await get(`${url}${PATH}`);
      latencies.push(performance.now() - begun);
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function get(url: string): Promise<void> {
  const sent = request(url, { agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${url}: status ${String(response.statusCode)}`);
  response.resume();
  await once(response, 'end');
}

async function sampleUntil(until: number, [program = '', ...args]: readonly string[]): Promise<void> {
  while (performance.now() < until - SAMPLE_EVERY_MS / 2) {
    await sleep(SAMPLE_EVERY_MS / 2);
    const child = spawn(program, args, { stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`the sampler ended with ${String(code)}`);
    await sleep(SAMPLE_EVERY_MS / 2);
  }
}
