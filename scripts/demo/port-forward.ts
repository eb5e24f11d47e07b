/** A pod's port on this machine, by `kubectl port-forward`. */
import { createInterface } from 'node:readline';
import { Unmet } from './expectation.ts';
import { start, type Kubectl } from './kubectl.ts';
import { NAMESPACE, type Route } from './stage.ts';

const READY_MS = 20_000;

export async function forward(kubectl: Kubectl, pod: string): Promise<Route> {
  const child = kubectl.start([
    '--namespace',
    NAMESPACE,
    'port-forward',
    `pod/${pod}`,
    ':8080',
    '--address',
    '127.0.0.1',
  ]);
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const port = await new Promise<string>((resolve, reject) => {
    const fail = (): void => {
      reject(new Unmet(`a forwarded port of pod ${pod}`, said.join('').trim() || 'nothing'));
    };
    const timer = setTimeout(fail, READY_MS);
    child.on('error', fail);
    child.on('close', fail);
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    node: (args) => start(process.execPath, args),
    close: () => void child.kill('SIGKILL'),
  };
}
