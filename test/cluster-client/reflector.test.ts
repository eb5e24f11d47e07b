import { afterEach, describe, expect, it } from 'vitest';
import type { ServerResponse } from 'node:http';
import { createTransport } from '../../src/cluster/transport.ts';
import { Reflector, type ListReason, type ReflectorOptions } from '../../src/cluster/reflector.ts';
import { pods } from '../../src/cluster/paths.ts';
import type { KubernetesObject } from '../../src/cluster/objects.ts';
import { answer, plainCredentials, refuse, startFakeApiServer, type FakeApiServer } from './support/api-server.ts';

type Pod = KubernetesObject & { readonly spec?: unknown };

function pod(name: string, version: number, namespace = 'shop'): Pod {
  return {
    metadata: {
      name,
      namespace,
      resourceVersion: String(version),
      managedFields: [{ manager: 'x' }],
    } as Pod['metadata'],
  };
}

let open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.reverse()) await close();
  open = [];
});

/** What the server holds, who watches, and what it was asked. */
interface World {
  readonly server: FakeApiServer;
  readonly reflector: Reflector<Pod>;
  readonly changes: string[];
  readonly lists: ListReason[];
  readonly errors: Error[];
  readonly asked: URL[];
  /** The Accept header of each request. */
  readonly accepts: string[];
  readonly watchers: ServerResponse[];
  items: Pod[];
  version: number;
  /** Overrides the answer to lists or watches when it gives true. */
  intercept: (url: URL, response: ServerResponse) => boolean;
  readonly event: (type: string, object: unknown) => void;
  readonly watches: () => URL[];
}

async function start(options: Partial<ReflectorOptions<Pod>> = {}): Promise<World> {
  const asked: URL[] = [];
  const accepts: string[] = [];
  const watchers: ServerResponse[] = [];
  const changes: string[] = [];
  const lists: ListReason[] = [];
  const errors: Error[] = [];
  const server = await startFakeApiServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    asked.push(url);
    accepts.push(request.headers.accept ?? '');
    if (world.intercept(url, response)) return;
    if (url.searchParams.get('watch') === 'true') {
      response.writeHead(200).flushHeaders();
      watchers.push(response);
      return;
    }
    const from = Number(url.searchParams.get('continue') ?? 0);
    const limit = Number(url.searchParams.get('limit'));
    const items = world.items.slice(from, from + limit);
    const next = from + limit < world.items.length ? String(from + limit) : undefined;
    answer(response, 200, { metadata: { resourceVersion: String(world.version), continue: next }, items });
  });
  const transport = createTransport(plainCredentials(server.url));
  const reflector = new Reflector<Pod>(transport, {
    resource: pods,
    backoff: { minMs: 20, maxMs: 200, resetMs: 10_000 },
    onChange: (key, before, after) => {
      changes.push(`${key} ${before?.metadata.resourceVersion ?? '-'} > ${after?.metadata.resourceVersion ?? '-'}`);
    },
    onList: (why) => lists.push(why),
    onError: (error) => errors.push(error),
    ...options,
  });
  const world: World = {
    server,
    reflector,
    changes,
    lists,
    errors,
    asked,
    accepts,
    watchers,
    items: [pod('a', 1), pod('b', 2)],
    version: 10,
    intercept: () => false,
    event: (type, object) => {
      watchers.at(-1)?.write(`${JSON.stringify({ type, object })}\n`);
    },
    watches: () => asked.filter((url) => url.searchParams.has('watch')),
  };
  open.push(
    server.close,
    () => transport.close(),
    () => reflector.stop(),
  );
  return world;
}

async function watching(world: World, count: number): Promise<void> {
  await expect.poll(() => world.watches().length, { timeout: 5_000 }).toBeGreaterThanOrEqual(count);
}

describe('a reflector', () => {
  it('lists in pages, then watches from the version of the list, with bookmarks', async () => {
    const world = await start({ pageSize: 1, labelSelector: 'app=web' });
    await world.reflector.start();
    expect([...world.reflector.values()].map((p) => p.metadata)).toEqual([
      { name: 'a', namespace: 'shop', resourceVersion: '1' },
      { name: 'b', namespace: 'shop', resourceVersion: '2' },
    ]);
    expect(world.changes).toEqual(['shop/a - > 1', 'shop/b - > 2']);
    await watching(world, 1);
    const query = Object.fromEntries(world.watches()[0]?.searchParams ?? []);
    expect(query).toMatchObject({ allowWatchBookmarks: 'true', resourceVersion: '10', labelSelector: 'app=web' });
    expect(Number(query['timeoutSeconds'])).toBeGreaterThanOrEqual(27);
    expect(Number(query['timeoutSeconds'])).toBeLessThanOrEqual(40);
  });

  it('follows adds, changes and deletions, and a bookmark moves where the next watch begins', async () => {
    const world = await start();
    await world.reflector.start();
    await watching(world, 1);
    world.event('ADDED', pod('c', 11));
    world.event('MODIFIED', pod('a', 12));
    world.event('DELETED', pod('b', 13));
    world.event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '99' } });
    await expect.poll(() => world.changes.slice(2)).toEqual(['shop/c - > 11', 'shop/a 1 > 12', 'shop/b 2 > -']);
    world.items = [pod('a', 12), pod('c', 11)];
    world.watchers[0]?.end();
    await watching(world, 2);
    expect(world.watches()[1]?.searchParams.get('resourceVersion')).toBe('99');
    expect(world.lists).toEqual(['start']);
    expect(world.errors).toEqual([]);
  });

  it.each([
    [
      'answers 500',
      (_: URL, response: ServerResponse) => {
        refuse(response, 500, 'InternalError', 'x');
      },
    ],
    [
      'answers 429',
      (_: URL, response: ServerResponse) => {
        refuse(response, 429, 'TooManyRequests', 'x');
      },
    ],
    [
      'resets',
      (_: URL, response: ServerResponse) => {
        response.socket?.resetAndDestroy();
      },
    ],
    [
      'ends at once',
      (_: URL, response: ServerResponse) => {
        response.end();
      },
    ],
    [
      'sends what is no event',
      (_: URL, response: ServerResponse) => {
        response.end('{"type":"ADDED"}\n');
      },
    ],
    [
      'sends an error event',
      (_: URL, response: ServerResponse) => {
        response.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 500 } })}\n`);
      },
    ],
  ])('comes back when a watch %s, without a new list', async (_, fault) => {
    const world = await start();
    let faults = 3;
    world.intercept = (url, response) => {
      if (!url.searchParams.has('watch') || faults === 0) return false;
      faults -= 1;
      fault(url, response);
      return true;
    };
    await world.reflector.start();
    await watching(world, 4);
    world.event('ADDED', pod('c', 11));
    await expect.poll(() => world.reflector.get('shop/c')).toBeDefined();
    expect(world.lists).toEqual(['start']);
    expect(world.errors.length).toBe(3);
    expect(world.reflector.watching).toBe(true);
  });

  it.each([
    [
      'an answer',
      (response: ServerResponse) => {
        refuse(response, 410, 'Expired', 'too old');
      },
    ],
    [
      'an event',
      (response: ServerResponse) => {
        response.end(
          `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`,
        );
      },
    ],
  ])('lists again after 410 as %s and tells what changed meanwhile', async (_, gone) => {
    const world = await start();
    await world.reflector.start();
    await watching(world, 1);
    let expired = true;
    world.intercept = (url, response) => {
      if (!url.searchParams.has('watch') || !expired) return false;
      expired = false;
      world.items = [pod('a', 20), pod('c', 21)];
      world.version = 30;
      gone(response);
      return true;
    };
    world.changes.length = 0;
    world.watchers[0]?.destroy();
    await expect.poll(() => world.lists, { timeout: 3_000 }).toEqual(['start', 'expired']);
    expect(world.changes).toEqual(['shop/b 2 > -', 'shop/a 1 > 20', 'shop/c - > 21']);
    await expect.poll(() => world.watches().at(-1)?.searchParams.get('resourceVersion')).toBe('30');
  });

  it('keeps trying the first list', async () => {
    const world = await start();
    let faults = 2;
    world.intercept = (_, response) => {
      if (faults === 0) return false;
      faults -= 1;
      refuse(response, 403, 'Forbidden', 'pods is forbidden');
      return true;
    };
    const synced = world.reflector.start();
    expect(world.reflector.hasSynced).toBe(false);
    await synced;
    expect(world.reflector.hasSynced).toBe(true);
    expect(world.errors.map((error) => error.message)).toEqual([
      'GET /api/v1/pods: 403 pods is forbidden',
      'GET /api/v1/pods: 403 pods is forbidden',
    ]);
  });

  it('lists where watching never works', async () => {
    const world = await start();
    world.intercept = (url, response) => {
      if (!url.searchParams.has('watch')) return false;
      refuse(response, 403, 'Forbidden', 'cannot watch');
      return true;
    };
    await world.reflector.start();
    world.items = [pod('z', 50)];
    await expect.poll(() => world.reflector.get('shop/z'), { timeout: 5_000 }).toBeDefined();
    expect(world.reflector.size).toBe(1);
  });

  it('drops a watch that says nothing and asks again', async () => {
    const world = await start({ watchIdleMs: 150 });
    await world.reflector.start();
    await watching(world, 3);
    expect(world.errors[0]).toMatchObject({ kind: 'Timeout' });
  });

  it('lists again when the watch did not tell all, and says only what differs', async () => {
    const world = await start({ watchMs: 1_000 });
    world.intercept = (url, response) => {
      if (!url.searchParams.has('watch')) return false;
      response.writeHead(200).flushHeaders();
      setTimeout(() => response.end(`${JSON.stringify({ type: 'BOOKMARK', object: pod('', 10) })}\n`), 100);
      return true;
    };
    await world.reflector.start();
    await watching(world, 3);
    expect(world.lists).toEqual(['start']);
    world.changes.length = 0;
    world.items = [pod('a', 1), pod('b', 7)];
    await expect.poll(() => world.lists.includes('missed'), { timeout: 5_000 }).toBe(true);
    expect(world.changes).toEqual(['shop/b 2 > 7']);
    const looks = world.accepts.filter((accept) => accept.includes('PartialObjectMetadataList'));
    expect(looks.length).toBeGreaterThan(1);
    world.items = [pod('a', 1)];
    await expect.poll(() => world.reflector.get('shop/b'), { timeout: 5_000 }).toBeUndefined();
  });

  it('survives an onChange that throws', async () => {
    const world = await start({
      onChange: () => {
        throw new Error('bug');
      },
    });
    await world.reflector.start();
    expect(world.errors.map((error) => error.message)).toEqual(['bug', 'bug']);
    await watching(world, 1);
  });

  it('keeps one scope per namespace, and a relist of one leaves the others alone', async () => {
    const world = await start({ namespaces: ['shop', 'bank'] });
    let bank = [pod('x', 1, 'bank')];
    world.intercept = (url, response) => {
      if (url.searchParams.has('watch') || !url.pathname.includes('/bank/')) return false;
      answer(response, 200, { metadata: { resourceVersion: '5' }, items: bank });
      return true;
    };
    await world.reflector.start();
    expect([...world.reflector.values()].length).toBe(3);
    bank = [];
    await watching(world, 2);
    const intercept = world.intercept;
    world.intercept = (url, response) => {
      if (!url.searchParams.has('watch') || !url.pathname.includes('/bank/')) return intercept(url, response);
      refuse(response, 410, 'Expired', 'x');
      return true;
    };
    for (const watcher of world.watchers) watcher.destroy();
    await expect.poll(() => world.reflector.get('bank/x')).toBeUndefined();
    expect(world.reflector.size).toBe(2);
  });

  it.each([0, 30, 300])('is silent after stop, %i ms into an outage', async (ms) => {
    const world = await start();
    await world.reflector.start();
    await watching(world, 1);
    world.intercept = (_, response) => {
      refuse(response, 503, 'ServiceUnavailable', 'x');
      return true;
    };
    world.watchers[0]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, ms));
    await world.reflector.stop();
    // What was on the wire at that moment may still arrive.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = world.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(world.asked.length).toBe(before);
    expect(world.reflector.watching).toBe(false);
  });

  it('ends start with Aborted when stopped before the first list', async () => {
    const world = await start();
    world.intercept = () => true;
    const synced = world.reflector.start();
    await world.reflector.stop();
    await expect(synced).rejects.toMatchObject({ kind: 'Aborted' });
  });
});
