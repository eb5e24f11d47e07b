import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERSION } from '../../src/cli/version.ts';

test('the program, the package and the chart have one version', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const chart = readFileSync('charts/uwsgi-tuner/Chart.yaml', 'utf8');
  expect(version).toBe(VERSION);
  expect(/^appVersion: "?([\d.]+)"?$/m.exec(chart)?.[1]).toBe(VERSION);
});
