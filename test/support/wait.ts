import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `probe` gives something else than null; fails with the last state that `describe` gave. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | null>,
  options: { readonly timeoutMs: number; readonly everyMs?: number; readonly describe?: () => Promise<string> },
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    if (Date.now() > deadline) {
      const state = options.describe === undefined ? '' : `; last state: ${await options.describe()}`;
      throw new Error(`${what}: not within ${options.timeoutMs} ms${state}`);
    }
    await sleep(options.everyMs ?? 500);
  }
}
