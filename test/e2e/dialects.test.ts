/** A config in every dialect of a file, changed once end to end: only its lines change, and the pods run the values. */
import { beforeAll, expect, inject, test } from 'vitest';
import { attach, type NodeCluster } from '../cluster/index.ts';
import { App, conditionOf, EAGER } from '../support/app.ts';

let cluster: NodeCluster;

beforeAll(async () => {
  cluster = await attach(inject('cluster'));
});

const SERVES = {
  'http-socket': ':8080',
  plugin: 'python3',
  'wsgi-file': '/app/app.py',
  master: 'true',
  'die-on-term': 'true',
  'disable-logging': 'true',
};
const yaml = Object.entries(SERVES).map(([key, value]) => `  ${key}: ${value}`);
const json = Object.entries(SERVES).map(([key, value]) => `    "${key}": "${value}",`);
const xml = Object.entries(SERVES).map(([key, value]) => `  <${key}>${value}</${key}>`);

test.each([
  {
    key: 'uwsgi.yaml',
    option: '--yaml',
    text: ['# ours', 'uwsgi:', ...yaml, '  processes: 2', '  threads: 20 # many', ''].join('\n'),
    added: '  threads-stacksize: 512',
    before: null,
  },
  {
    key: 'uwsgi.json',
    option: '--json',
    text: ['{', '  "uwsgi": {', ...json, '    "processes": 2,', '    "threads": 20', '  }', '}', ''].join('\n'),
    added: '    "threads-stacksize": 512,',
    before: '    "http-socket": ":8080",',
  },
  {
    key: 'uwsgi.xml',
    option: '--xml',
    text: ['<uwsgi>', ...xml, '  <processes>2</processes>', '  <threads>20</threads>', '</uwsgi>', ''].join('\n'),
    added: '  <threads-stacksize>512</threads-stacksize>',
    before: '  <http-socket>:8080</http-socket>',
  },
])('$key', async ({ key, option, text, added, before }) => {
  const app = await App.start(cluster, {
    namespace: `dialect-${key.split('.')[1] ?? ''}`,
    ini: [],
    config: { key, option, text },
    replicas: 1,
  });
  await app.tune({ ...EAGER, updatePolicy: { ...EAGER.updatePolicy, verifyWindow: '10s' } });
  const tuning = await app.until('a verdict', ({ status }) => status?.history !== undefined);
  expect(tuning.status?.history?.[0]).toMatchObject({ verdict: 'Verified', from: '2x20 8Mi', to: '2x20 512Ki' });
  const expected = before === null ? `${text}${added}\n` : text.replace(before, `${added}\n${before}`);
  expect(await app.text()).toBe(expected);
  const settled = await app.until('what runs now', (object) => conditionOf(object, 'Applied') === 'True/UpToDate');
  expect(settled.status?.current).toMatchObject({ processes: 2, threads: 20, threadStackSize: '512Ki' });
  await app.end();
});
