import { afterEach, describe, expect, it } from 'vitest';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClusterError } from '../../src/cluster/errors.ts';
import { createTransport, type Transport, type TransportOptions } from '../../src/cluster/transport.ts';
import { answer, plainCredentials, refuse, startFakeApiServer, type FakeApiServer } from './support/api-server.ts';

let open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open) await close();
  open = [];
});

async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: TransportOptions = {},
): Promise<{ server: FakeApiServer; transport: Transport; credentials: ReturnType<typeof plainCredentials> }> {
  const server = await startFakeApiServer(handle);
  const credentials = plainCredentials(server.url);
  const transport = createTransport(credentials, options);
  open.push(() => transport.close(), server.close);
  return { server, transport, credentials };
}

const get = { method: 'GET', path: '/api/v1/pods', timeoutMs: 5_000 } as const;

async function failure(promise: Promise<unknown>): Promise<ClusterError> {
  const error: unknown = await promise.then(
    () => new Error('did not fail'),
    (e: unknown) => e,
  );
  if (!(error instanceof ClusterError)) throw error;
  return error;
}

describe('requests', () => {
  it('share a few sockets', async () => {
    const { server, transport } = await serve((_, response) => {
      answer(response, 200, { ok: true });
    });
    for (let i = 0; i < 100; i += 1) await transport.request(get);
    await Promise.all(Array.from({ length: 100 }, () => transport.request(get)));
    expect(server.connections()).toBeLessThanOrEqual(8);
  });

  it('send query, body and content type as asked', async () => {
    const seen: string[] = [];
    const { transport } = await serve((request, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers['content-type'] ?? ''}`);
      request.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
      request.on('end', () => {
        answer(response, 200, {});
      });
    });
    await transport.request({
      method: 'PATCH',
      path: '/api/v1/x',
      query: { force: true, none: undefined, command: ['a b', 'c'] },
      body: { a: 1 },
      contentType: 'application/merge-patch+json',
      timeoutMs: 5_000,
    });
    expect(seen).toEqual(['PATCH /api/v1/x?force=true&command=a+b&command=c application/merge-patch+json', '{"a":1}']);
  });

  it.each([
    [400, 'BadRequest', 'BadRequest'],
    [403, 'Forbidden', 'Forbidden'],
    [404, 'NotFound', 'NotFound'],
    [409, 'Conflict', 'Conflict'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [410, 'Expired', 'Expired'],
    [413, 'RequestEntityTooLarge', 'TooLarge'],
    [422, 'Invalid', 'Invalid'],
  ] as const)('turn %i %s into kind %s at once', async (code, reason, kind) => {
    let requests = 0;
    const { transport } = await serve((_, response) => {
      requests += 1;
      refuse(response, code, reason, 'the message');
    });
    const error = await failure(transport.request(get));
    expect(error).toMatchObject({ kind, status: code, reason, message: `GET /api/v1/pods: ${code} the message` });
    expect(requests).toBe(1);
  });

  it('never put the whole answer into the message', async () => {
    const { transport } = await serve((_, response) => {
      refuse(response, 422, 'Invalid', 'x'.repeat(5_000));
    });
    expect((await failure(transport.request(get))).message.length).toBe(300);
  });

  it('read again after 5xx and resets, at most three times', async () => {
    let requests = 0;
    const { transport } = await serve((request, response) => {
      requests += 1;
      if (requests === 1) refuse(response, 503, 'ServiceUnavailable', 'starting');
      else if (requests === 2) request.socket.resetAndDestroy();
      else answer(response, 200, { requests });
    });
    expect(await transport.request(get)).toEqual({ requests: 3 });
  });

  it('give up after the third retry', async () => {
    let requests = 0;
    const { transport } = await serve((_, response) => {
      requests += 1;
      refuse(response, 500, 'InternalError', 'etcd');
    });
    expect(await failure(transport.request(get))).toMatchObject({ kind: 'Unavailable', status: 500 });
    expect(requests).toBe(4);
  });

  it('wait as long as Retry-After says', async () => {
    const times: number[] = [];
    const { transport } = await serve((_, response) => {
      times.push(performance.now());
      if (times.length === 1) refuse(response, 429, 'TooManyRequests', 'slow down', { 'retry-after': '1' });
      else answer(response, 200, {});
    });
    await transport.request(get);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('never write twice', async () => {
    let requests = 0;
    const { transport } = await serve((_, response) => {
      requests += 1;
      refuse(response, 503, 'ServiceUnavailable', 'x');
    });
    expect(await failure(transport.request({ ...get, method: 'POST', body: {} }))).toMatchObject({
      kind: 'Unavailable',
    });
    expect(requests).toBe(1);
  });

  it('read the credentials again after 401 and then try once more', async () => {
    const tokens: (string | undefined)[] = [];
    const { transport, credentials } = await serve((request, response) => {
      tokens.push(request.headers.authorization);
      if (credentials.refreshed === 0) refuse(response, 401, 'Unauthorized', 'expired');
      else answer(response, 200, {});
    });
    await transport.request({ ...get, method: 'POST', body: {} });
    expect(tokens).toEqual(['Bearer token-0', 'Bearer token-1']);
  });

  it('end at the deadline when headers or body never come', async () => {
    const { transport } = await serve((request, response) => {
      if (request.url === '/body') response.writeHead(200).write('{');
    });
    for (const path of ['/headers', '/body']) {
      const begun = performance.now();
      expect(await failure(transport.request({ ...get, path, timeoutMs: 300 }))).toMatchObject({ kind: 'Timeout' });
      expect(performance.now() - begun).toBeLessThan(1_000);
    }
  });

  it('end when the caller aborts, before and during the request', async () => {
    const { transport } = await serve(() => undefined);
    const controller = new AbortController();
    const running = failure(transport.request({ ...get, signal: controller.signal }));
    setTimeout(() => {
      controller.abort();
    }, 50);
    expect(await running).toMatchObject({ kind: 'Aborted' });
    expect(await failure(transport.request({ ...get, signal: controller.signal }))).toMatchObject({ kind: 'Aborted' });
  });

  it('stop reading at the size cap', async () => {
    let sent = 0;
    const { transport } = await serve((_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        while (!response.destroyed && sent < 2 ** 28 && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(transport.request({ ...get, maxBytes: 100_000 }))).toMatchObject({ kind: 'TooLarge' });
    expect(sent).toBeLessThan(2 ** 25);
  });

  it('say Protocol when the answer is not JSON', async () => {
    const { transport } = await serve((_, response) => {
      response.writeHead(200).end('<html>');
    });
    expect(await failure(transport.request(get))).toMatchObject({ kind: 'Protocol' });
  });

  it('say Unavailable when nobody listens', async () => {
    const { server, transport } = await serve(() => undefined);
    await server.close();
    expect(await failure(transport.request({ ...get, retry: 'never' }))).toMatchObject({
      kind: 'Unavailable',
      reason: 'ECONNREFUSED',
    });
  });

  it('of the lease do not wait behind requests that hang', async () => {
    const { transport } = await serve((request, response) => {
      if (request.url === '/lease') answer(response, 200, { held: true });
    });
    const hanging = Array.from({ length: 20 }, () => failure(transport.request({ ...get, timeoutMs: 1_000 })));
    expect(await transport.request({ ...get, path: '/lease', lane: 'lease' })).toEqual({ held: true });
    await Promise.all(hanging);
  });

  it('keep to the rate limit', async () => {
    const { transport } = await serve(
      (_, response) => {
        answer(response, 200, {});
      },
      { rateLimit: { perSecond: 20, burst: 5 } },
    );
    const begun = performance.now();
    await Promise.all(Array.from({ length: 15 }, () => transport.request(get)));
    expect(performance.now() - begun).toBeGreaterThanOrEqual(480);
  });

  it('report each answer once', async () => {
    const seen: [string, number | null][] = [];
    const { transport } = await serve(
      (request, response) => {
        if (request.url === '/reset') request.socket.resetAndDestroy();
        else answer(response, 200, {});
      },
      { onAnswer: (method, status) => seen.push([method, status]) },
    );
    await transport.request(get);
    await failure(transport.request({ ...get, path: '/reset', retry: 'never' }));
    expect(seen).toEqual([
      ['GET', 200],
      ['GET', null],
    ]);
  });
});

describe('streams', () => {
  const stream = { path: '/watch', openTimeoutMs: 2_000, idleTimeoutMs: 0 } as const;

  it('give bytes as they come and end when the server ends', async () => {
    const { transport } = await serve((_, response) => {
      response.writeHead(200).write('a');
      setTimeout(() => response.end('b'), 50);
    });
    const chunks: string[] = [];
    for await (const chunk of await transport.stream(stream)) chunks.push(chunk.toString());
    expect(chunks.join('')).toBe('ab');
  });

  it('reject what is not a success', async () => {
    const { transport } = await serve((_, response) => {
      refuse(response, 410, 'Expired', 'too old resource version');
    });
    expect(await failure(transport.stream(stream))).toMatchObject({ kind: 'Expired' });
  });

  it('time out while opening', async () => {
    const { transport } = await serve(() => undefined);
    expect(await failure(transport.stream({ ...stream, openTimeoutMs: 200 }))).toMatchObject({ kind: 'Timeout' });
  });

  it('die of silence, of a reset and of the signal', async () => {
    const { server, transport } = await serve((_, response) => {
      response.writeHead(200).write('a');
    });
    const drain = async (options: { idleTimeoutMs: number; signal?: AbortSignal }): Promise<void> => {
      for await (const chunk of await transport.stream({ ...stream, ...options })) expect(chunk.toString()).toBe('a');
    };
    expect(await failure(drain({ idleTimeoutMs: 200 }))).toMatchObject({ kind: 'Timeout' });

    const reset = failure(drain({ idleTimeoutMs: 0 }));
    setTimeout(() => {
      for (const socket of server.sockets) socket.resetAndDestroy();
    }, 100);
    expect(await reset).toMatchObject({ kind: 'Unavailable' });

    const controller = new AbortController();
    const aborted = failure(drain({ idleTimeoutMs: 0, signal: controller.signal }));
    setTimeout(() => {
      controller.abort();
    }, 100);
    expect(await aborted).toMatchObject({ kind: 'Aborted' });
  });

  it('can be dropped without being read', async () => {
    const { server, transport } = await serve((_, response) => {
      response.writeHead(200).write('a');
    });
    (await transport.stream(stream)).close();
    await expect.poll(() => server.sockets.size).toBe(0);
  });
});
