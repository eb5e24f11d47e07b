/** The operator as users run it: the project's own image, installed by `helm install` with the chart's rights. */
import type { NodeCluster } from '../cluster/index.ts';
import { buildOperatorImage } from '../cluster/index.ts';
import { waitFor } from './wait.ts';

export const OPERATOR_NAMESPACE = 'uwsgi-tuner-system';

export async function installOperator(cluster: NodeCluster, values: readonly string[] = []): Promise<void> {
  const image = await buildOperatorImage();
  await cluster.importImage(image.archive);
  const result = await cluster.helm(
    [
      'install',
      'uwsgi-tuner',
      'charts/uwsgi-tuner',
      '--namespace',
      OPERATOR_NAMESPACE,
      '--create-namespace',
      '--set',
      `image.repository=${image.repository},image.tag=${image.tag},image.pullPolicy=Never,dnsPolicy=Default`,
      ...values.flatMap((value) => ['--set', value]),
      '--wait',
      '--timeout',
      '90s',
    ],
    { timeoutMs: 120_000 },
  );
  if (result.code !== 0) throw new Error(`helm install failed: ${result.stderr}\n${result.stdout}`);
}

/**
 * The operator with other values than it was installed with. In between no process of it is left, so that each request
 * after that moment, which is given back in milliseconds since the epoch, is made under the rights of the new values.
 */
export async function upgradeOperator(cluster: NodeCluster, values: readonly string[]): Promise<number> {
  const upgrade = async (...sets: readonly string[]): Promise<void> => {
    const argv = ['upgrade', 'uwsgi-tuner', 'charts/uwsgi-tuner', '--namespace', OPERATOR_NAMESPACE, '--reuse-values'];
    const more = [...sets.flatMap((value) => ['--set', value]), '--wait', '--timeout', '90s'];
    const { code, stdout, stderr } = await cluster.helm([...argv, ...more], { timeoutMs: 120_000 });
    if (code !== 0) throw new Error(`helm upgrade failed: ${stderr}\n${stdout}`);
  };
  const pods = ['--namespace', OPERATOR_NAMESPACE, 'get', 'pods', '--output', 'name'];
  await upgrade('replicaCount=0');
  await waitFor('the end of the operator', async () => ((await cluster.kubectlOk(pods)) === '' ? true : null), {
    timeoutMs: 60_000,
  });
  const since = Date.now();
  await upgrade('replicaCount=1', ...values);
  return since;
}

/** The operator's log lines so far, for a failed test's message. */
export async function operatorLog(cluster: NodeCluster, lines = 200): Promise<string> {
  const { stdout } = await cluster.kubectl([
    '--namespace',
    OPERATOR_NAMESPACE,
    'logs',
    'deployment/uwsgi-tuner',
    `--tail=${lines}`,
  ]);
  return stdout;
}

/** Kills the operator's process as a crash would; the kubelet starts the container again. */
export async function killOperator(cluster: NodeCluster): Promise<void> {
  const { stdout, code } = await cluster.inside(['sh', '-c', 'pgrep -f "uwsgi-tuner.mjs controller"']);
  const pids = stdout.split('\n').filter((line) => /^\d+$/.test(line));
  if (code !== 0 || pids.length === 0) throw new Error('the process of the operator was not found');
  await cluster.inside(['kill', '-9', ...pids]);
}
