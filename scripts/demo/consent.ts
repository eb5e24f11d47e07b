/** What `--context` writes, said before it is written. */
import { createInterface } from 'node:readline/promises';
import { BLOG, DARING } from './manifests.ts';
import { NAMESPACE } from './stage.ts';
import { item, wrap } from './text.ts';

export interface Intent {
  readonly context: string;
  readonly server: string;
  readonly image: string;
  readonly crdExists: boolean;
}

export function describeIntent({ context, server, image, crdExists }: Intent): string {
  const workloads = [BLOG, DARING].map(
    ({ name, replicas, memory }) => `Deployment ${name} (${replicas} pods, memory limit ${memory} each)`,
  );
  const crd = crdExists
    ? 'the CustomResourceDefinition uwsgitunings.uwsgi-tuner.dev is there already and stays as it is'
    : 'the CustomResourceDefinition uwsgitunings.uwsgi-tuner.dev, removed at the end';
  return [
    wrap(`The demo would write to the cluster of context ${context} (${server}):`),
    '\n',
    item(crd),
    item(
      `namespace ${NAMESPACE}, removed at the end, and in it: ${workloads.join(', ')}, their ConfigMaps and ` +
        'UwsgiTunings, events, and a lease of the operator',
    ),
    item(`the pods run image ${image} as user 33; where it has no uwsgi, they install pyuwsgi from PyPI`),
    item(
      'the operator runs as a process on this machine with the rights of that context, and watches that namespace only',
    ),
    '\n',
  ].join('');
}

/** Asks on the terminal; without one the answer is no. */
export async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Go on? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
