/** A validating webhook of the test: holds the operator's next matching write so that the test can act meanwhile. */
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { NodeCluster } from '../cluster/index.ts';
import { OPERATOR_NAMESPACE } from './operator.ts';

interface Review {
  readonly request: {
    readonly uid: string;
    readonly userInfo: { readonly username: string };
    readonly resource: { readonly resource: string };
    readonly subResource?: string;
    readonly namespace?: string;
  };
}

type Matcher = (request: Review['request']) => boolean;

export class HoldingWebhook {
  readonly #server: Server;
  #matcher: Matcher | null = null;
  #held: { readonly promise: Promise<void>; readonly resolve: () => void } = deferred();
  #waiting: { readonly response: ServerResponse; readonly uid: string }[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Serves on loopback and registers for the operator's writes in one namespace. */
  static async start(cluster: NodeCluster, namespace: string): Promise<HoldingWebhook> {
    const { cert, key, ca } = await cluster.issueServerCertificate('127.0.0.1');
    const server = createServer({ cert, key });
    const webhook = new HoldingWebhook(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        webhook.#answer(JSON.parse(Buffer.concat(chunks).toString()) as Review, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = await cluster.exposeHostPort((server.address() as AddressInfo).port);
    await cluster.apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: `hold-${namespace}` },
      webhooks: [
        {
          name: 'hold.test.uwsgi-tuner.dev',
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(ca).toString('base64') },
          rules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['configmaps'] },
            { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments'] },
            {
              apiGroups: ['uwsgi-tuner.dev'],
              apiVersions: ['*'],
              operations: ['UPDATE'],
              resources: ['uwsgitunings', 'uwsgitunings/status'],
            },
          ],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          failurePolicy: 'Fail',
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          timeoutSeconds: 30,
        },
      ],
    });
    return webhook;
  }

  /** Holds the operator's next write that matches; resolves once one is held. */
  hold(matcher: Matcher): Promise<void> {
    this.#held = deferred();
    this.#matcher = matcher;
    return this.#held.promise;
  }

  /** Refuses what is held and lets everything else pass again. */
  release(): void {
    this.#matcher = null;
    for (const { response, uid } of this.#waiting.splice(0)) reply(response, uid, false);
  }

  async stop(cluster: NodeCluster, namespace: string): Promise<void> {
    this.release();
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', `hold-${namespace}`]);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ request }: Review, response: ServerResponse): void {
    const ours = request.userInfo.username.startsWith(`system:serviceaccount:${OPERATOR_NAMESPACE}:`);
    if (!ours || this.#matcher?.(request) !== true) {
      reply(response, request.uid, true);
      return;
    }
    this.#waiting.push({ response, uid: request.uid });
    this.#held.resolve();
  }
}

function reply(response: ServerResponse, uid: string, allowed: boolean): void {
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid, allowed, ...(allowed ? {} : { status: { message: 'held by the test' } }) },
    }),
  );
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
