/** The stage of `--context`: a cluster of the user, asked before it is written to and left as it was. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agreed, describeIntent } from './consent.ts';
import { Unmet } from './expectation.ts';
import { Kubectl } from './kubectl.ts';
import { startController, type LocalController } from './local-controller.ts';
import type { DemoOptions } from './options.ts';
import { forward } from './port-forward.ts';
import type { Screen } from './screen.ts';
import { NAMESPACE, type Opening, type Stage } from './stage.ts';
import { serverVersion } from './server-version.ts';

const CRD = join(import.meta.dirname, '..', '..', 'crds', 'uwsgi-tuner.dev_uwsgitunings.yaml');
const CRD_NAME = 'uwsgitunings.uwsgi-tuner.dev';

interface ContextPlace {
  readonly name: string;
  readonly image: string;
  readonly kubectl: Kubectl;
  readonly version: string;
  readonly crdExists: boolean;
}

function kubectlOn(context: string): Kubectl {
  return new Kubectl({ program: 'kubectl', prefix: ['--context', context], env: {} });
}

/** Looks, asks, and returns the place; null when the user does not agree. */
export async function askForContext(options: DemoOptions, screen: Screen): Promise<ContextPlace | null> {
  const name = options.context ?? '';
  const kubectl = kubectlOn(name);
  const [version, server, crdExists] = await Promise.all([serverVersion(kubectl), serverOf(kubectl), hasCrd(kubectl)]);
  await refuseWhatIsThere(kubectl);
  screen.note(describeIntent({ context: name, server, image: options.image, crdExists }));
  if (options.yes || (await agreed())) return { name, image: options.image, kubectl, version, crdExists };
  screen.note(process.stdin.isTTY ? 'Nothing was written.' : 'Nothing was written: no terminal to ask on; see --yes.');
  return null;
}

async function serverOf(kubectl: Kubectl): Promise<string> {
  const text = await kubectl.ok(['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}']);
  return text.trim();
}

async function hasCrd(kubectl: Kubectl): Promise<boolean> {
  return (await kubectl.ok(['get', 'crd', CRD_NAME, '--ignore-not-found', '-o', 'name'])).trim() !== '';
}

/** Two operators must not work on one tuning, and a namespace of that name may be somebody's. */
async function refuseWhatIsThere(kubectl: Kubectl): Promise<void> {
  const namespace = await kubectl.ok(['get', 'namespace', NAMESPACE, '--ignore-not-found', '-o', 'name']);
  if (namespace.trim() !== '') {
    throw new Unmet(
      `no namespace ${NAMESPACE} in that cluster`,
      `one; if an earlier demo left it: kubectl delete namespace ${NAMESPACE}`,
    );
  }
  const selector = 'app.kubernetes.io/name=uwsgi-tuner';
  const operators = await kubectl.ok(['get', 'deployments', '--all-namespaces', '-l', selector, '-o', 'name']);
  if (operators.trim() === '') return;
  throw new Unmet('no uwsgi-tuner in that cluster, for the demo runs its own', operators.trim().split('\n').join(', '));
}

/** Writes nothing before `install`. */
export function openOnContext(place: ContextPlace, screen: Screen): Opening {
  const { name, kubectl, version, image } = place;
  let operator: LocalController | null = null;
  const stage: Stage = {
    kind: 'context',
    description: [
      `The cluster of context ${name}, Kubernetes ${version}; the pods are in namespace ${NAMESPACE}.`,
      'The operator runs as a process on this machine, from this checkout, and watches that namespace only.',
    ],
    kubectl,
    image: { reference: image, pullPolicy: 'IfNotPresent' },
    routeTo: (pod) => forward(kubectl, pod.metadata.name),
    check: () => {
      const ended = operator?.ended() ?? null;
      if (ended !== null) throw new Unmet('a running operator', ended);
    },
    operatorLog: (lines) => Promise.resolve(operator?.log().slice(-lines) ?? []),
    end: () => screen.step('removing what the demo made', () => remove(place, operator)),
  };
  const install = async (): Promise<void> => {
    if (!place.crdExists) await addCrd(kubectl);
    operator = startController(name);
  };
  return { stage, install };
}

async function addCrd(kubectl: Kubectl): Promise<void> {
  await kubectl.ok(['create', '-f', '-'], { input: readFileSync(CRD, 'utf8') });
  await kubectl.ok(['wait', '--for=condition=Established', `crd/${CRD_NAME}`, '--timeout=30s']);
}

/** The operator goes last but one: a change in flight is put back by it before its tuning can go. */
async function remove(place: ContextPlace, controller: LocalController | null): Promise<void> {
  const kubectl = kubectlOn(place.name); // the story's may be halted
  const gone = ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait', '--timeout=120s'];
  const { code, stderr } = await kubectl.run(gone, { timeoutMs: 150_000 });
  await controller?.stop();
  if (code !== 0) throw new Error(`namespace ${NAMESPACE} was not removed: ${stderr.trim()}`);
  if (place.crdExists || !(await hasCrd(kubectl))) return;
  const others = await kubectl.ok(['get', 'uwsgitunings', '--all-namespaces', '-o', 'name']);
  if (others.trim() === '') await kubectl.ok(['delete', 'crd', CRD_NAME, '--wait=false']);
}
