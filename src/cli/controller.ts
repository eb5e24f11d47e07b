/** `uwsgi-tuner controller`: runs the operator; the image's entrypoint. */
import { Option, type Command } from 'commander';
import { EXIT, CommandError, refused } from './io.ts';
import { VERSION } from './version.ts';

interface Options {
  readonly namespaces?: string;
  readonly readOnly?: true;
  readonly listen: string;
  readonly leaseNamespace?: string;
  readonly leaseName: string;
  readonly workers: string;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly kubeconfig?: string;
  readonly context?: string;
}

export function register(command: Command): void {
  command
    .option('--namespaces <list>', 'namespaces to watch, separated by commas (default: all)')
    .option('--read-only', 'write nothing but status, events and the lease')
    .option('--listen <address>', 'address of /healthz, /readyz and /metrics: [HOST]:PORT, or "none"', ':8080')
    .option(
      '--lease-namespace <name>',
      'namespace of the leader election lease (default: POD_NAMESPACE or the context)',
    )
    .option('--lease-name <name>', 'name of the leader election lease', 'uwsgi-tuner')
    .option('--workers <n>', 'reconciles at the same time', '8')
    .addOption(
      new Option('--log-level <level>', 'least level that is logged')
        .choices(['error', 'warn', 'info', 'debug'])
        .default('info'),
    )
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, the service account, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { host, port } = readListen(options.listen);
  const workers = Number(options.workers);
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) {
    throw refused(`--workers: found ${options.workers}, allowed: a whole number from 1 to 64`);
  }
  const [{ loadCredentials }, { createLogger }, { runController }] = await Promise.all([
    import('../cluster/credentials.ts'),
    import('../controller/log.ts'),
    import('../controller/run.ts'),
  ]);
  const credentials = await loadCredentials({ kubeconfig: options.kubeconfig, context: options.context }).catch(
    (error: unknown) => {
      throw new CommandError(EXIT.failed, error instanceof Error ? error.message : String(error));
    },
  );
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      stop.abort();
    });
  }
  await runController(
    {
      credentials,
      namespaces: (options.namespaces ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
      readOnly: options.readOnly === true,
      port,
      ...(host === '' ? {} : { host }),
      leaseNamespace: options.leaseNamespace ?? process.env['POD_NAMESPACE'] ?? credentials.namespace ?? 'default',
      leaseName: options.leaseName,
      workers,
      logger: createLogger({ level: options.logLevel }),
      version: VERSION,
    },
    stop.signal,
  );
}

/** "[HOST]:PORT", or "none". */
function readListen(text: string): { host: string; port: number | null } {
  if (text === 'none') return { host: '', port: null };
  const match = /^(.*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65535) throw refused(`--listen: found ${text}, allowed: [HOST]:PORT or none`);
  return { host: match[1] ?? '', port };
}
