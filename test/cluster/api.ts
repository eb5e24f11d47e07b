import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

/** One answer of the API server. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks the API server as cluster-admin. Starting a kubectl for each look while waiting would cost more than the rest. */
export function apiGet(folder: string, port: number, path: string): Promise<ApiAnswer> {
  const pki = (name: string): Buffer => readFileSync(join(folder, 'pki', name));
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        ca: pki('ca.crt'),
        cert: pki('admin.crt'),
        key: pki('admin.key'),
        timeout: 3_000,
        agent: false,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('error', reject);
        response.on('end', () => {
          const json = response.headers['content-type']?.includes('json') ?? false;
          resolve({ status: response.statusCode ?? 0, body: json ? (JSON.parse(text) as unknown) : text });
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer from the API server to GET ${path} in 3 s`)));
    call.on('error', reject);
    call.end();
  });
}
