/** Running the commands that the checks are made of, with their time shown. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Step {
  readonly name: string;
  readonly argv: readonly string[];
}

/** Checks that need no test runner. Every one reads the whole repository. */
export const STATIC_CHECKS: readonly Step[] = [
  { name: 'types', argv: ['tsc', '--project', '.'] },
  { name: 'lint', argv: ['eslint', '--max-warnings', '0', '.'] },
  { name: 'format', argv: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'import law', argv: ['depcruise', '--config', '.dependency-cruiser.cjs', 'src'] },
  { name: 'generated files', argv: ['node', 'scripts/generate.ts', '--check'] },
];

export interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
}

/** Runs one step; `live` shows its output as it comes. Ends the child when we are ended. */
export function runStep(step: Step, live: boolean): Promise<Outcome> {
  const [program = '', ...args] = step.argv;
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', live ? 'inherit' : 'pipe', live ? 'inherit' : 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.once('SIGINT', forward);
    process.once('SIGTERM', forward);
    const finish = (code: number | null, more = ''): void => {
      process.off('SIGINT', forward);
      process.off('SIGTERM', forward);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`);
      resolve({ name: step.name, ok: code === 0, output: Buffer.concat(chunks).toString() + more });
    };
    child.on('error', (error) => {
      finish(1, error.message);
    });
    child.on('close', (code) => {
      finish(code);
    });
  });
}

/** Runs steps, `parallel` at a time, and prints the output of those that failed. True when all passed. */
export async function runSteps(steps: readonly Step[], parallel = 2): Promise<boolean> {
  const waiting = [...steps];
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      outcomes.push(await runStep(step, false));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  const failed = outcomes.filter((outcome) => !outcome.ok);
  for (const { name, output } of failed) console.log(`\n--- ${name}\n${output}`);
  return failed.length === 0;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface TestRun {
  readonly ok: boolean;
  readonly counts: Counts;
  /** What it printed; empty when that was shown as it came. */
  readonly output: string;
}

/** Runs one project of the tests; a run that counted nothing is a failure. Without `live` its output comes at its end. */
export async function runTests(project: string, live: boolean): Promise<TestRun> {
  const file = join(mkdtempSync(join(tmpdir(), 'uwsgi-tuner-tests-')), 'result.json');
  const argv = [
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ];
  const outcome = await runStep({ name: `${project} tests`, argv }, live);
  if (!outcome.ok && !live) console.log(outcome.output);
  try {
    const result = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
    const counts = {
      passed: result['numPassedTests'] ?? 0,
      // What fails before or outside of a test is counted by nobody.
      failed: Math.max(result['numFailedTests'] ?? 0, outcome.ok ? 0 : 1),
      skipped: (result['numPendingTests'] ?? 0) + (result['numTodoTests'] ?? 0),
    };
    return { ok: outcome.ok && counts.passed > 0, counts, output: outcome.output };
  } catch {
    return { ok: false, counts: { passed: 0, failed: 1, skipped: 0 }, output: outcome.output };
  }
}
