import type { Kubectl } from './kubectl.ts';

/** "v1.34.1": what the API server says it is. */
export async function serverVersion(kubectl: Kubectl): Promise<string> {
  const { serverVersion: server } = await kubectl.json<{ serverVersion?: { gitVersion?: string } }>(['version']);
  return server?.gitVersion ?? 'of an unknown version';
}
