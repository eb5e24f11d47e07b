/** One capture of one pod, taken as the operator takes it, for what a status has no room for. */
import { gunzipSync } from 'node:zlib';
import { analyseSamples, type Analysis } from '../../src/cli/analysis.ts';
import { samplerArgv, splitCapture, type ProcessSection } from '../../src/core/memory/capture.ts';
import type { Mapping } from '../../src/core/memory/mapping.ts';
import { sampleFromCapture } from '../../src/core/memory/sample-from-capture.ts';
import { kib, toKib, type Bytes } from '../../src/core/quantity.ts';
import type { Pod } from '../../src/api/objects.ts';
import { present } from './expectation.ts';
import { NAMESPACE, type Stage } from './stage.ts';

export interface Captured {
  readonly analysis: Analysis;
  readonly pmap: readonly string[];
}

export async function capturePod(stage: Stage, pod: Pod): Promise<Captured> {
  const { name, uid = '' } = pod.metadata;
  const exec = ['--namespace', NAMESPACE, 'exec', name, '--container', 'app', '--', ...samplerArgv()];
  const { stdout, stderr, code } = await stage.kubectl.run(exec);
  if (code !== 0) throw new Error(`the capture of pod ${name} failed: ${stderr.trim()}`);
  const capture = splitCapture(stdout, (member) => gunzipSync(member));
  if (!capture.ok) throw new Error(`the capture of pod ${name}: ${capture.message}`);
  const identity = { pod: name, podUid: uid, node: pod.spec.nodeName ?? '', takenAt: Date.now() };
  const sample = sampleFromCapture(capture.sections, identity);
  const analysis = analyseSamples({ samples: [sample], limit: null, config: null });
  return { analysis, pmap: pmapRows(capture.sections.processes, stackSizeOf(analysis)) };
}

function stackSizeOf({ pods }: Analysis): Bytes {
  const sizes = pods.flatMap(({ processes }) => processes.map(({ threadStacks }) => threadStacks.size));
  return present(
    sizes.find((size) => size !== null),
    'thread stacks in the pod',
  );
}

/** Two stacks and their guards of one worker as pmap prints them; none where the kernel merges stacks into one row. */
export function pmapRows(processes: readonly Pick<ProcessSection, 'mappings'>[], size: Bytes): readonly string[] {
  for (const { mappings } of processes) {
    const rows = mappings ?? [];
    const at = rows.findIndex((_, index) => {
      const [stack, guard, next, last] = rows.slice(index, index + 4);
      return isStack(stack, size) && isGuard(guard) && isStack(next, size) && isGuard(last);
    });
    if (at !== -1) return rows.slice(at, at + 4).map(pmapRow);
  }
  return [];
}

function isStack(row: Mapping | undefined, size: Bytes): boolean {
  return row?.size === size && row.permissions === 'rw-p' && row.name === '';
}

function isGuard(row: Mapping | undefined): boolean {
  return row?.size === kib(4) && row.permissions === '---p' && row.name === '';
}

function pmapRow({ start, size, permissions }: Mapping): string {
  const address = start.toString(16).padStart(16, '0');
  return `${address} ${String(toKib(size)).padStart(6)}K ${permissions.slice(0, 3)}--   [ anon ]`;
}
