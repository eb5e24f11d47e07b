import { describe, expect, it } from 'vitest';
import { whatIsMissing, type Machine } from '../../scripts/demo/machine.ts';

const ABLE: Machine = { platform: 'linux', uid: 0, namespaces: true, canInstall: true, missingPackages: ['runc'] };

describe('whatIsMissing', () => {
  it('finds nothing on Linux as root, where packages can be installed', () => {
    expect(whatIsMissing(ABLE)).toEqual([]);
  });

  it('names the system and the user', () => {
    const mac: Machine = { platform: 'darwin', uid: 501, namespaces: null, canInstall: false, missingPackages: [] };

    expect(whatIsMissing(mac)).toEqual(['Linux (this is darwin)', 'root (this is user 501)']);
    expect(whatIsMissing({ ...mac, platform: 'win32', uid: null })).toEqual([
      'Linux (this is win32)',
      'root (no user id)',
    ]);
  });

  it('names the right to make namespaces, which root of an ordinary container lacks', () => {
    expect(whatIsMissing({ ...ABLE, namespaces: false })).toEqual([
      'the right to make namespaces (a privileged container has it)',
    ]);
  });

  it('names the packages where none can be installed', () => {
    expect(whatIsMissing({ ...ABLE, canInstall: false })).toEqual(['these programs, by their Debian packages: runc']);
  });
});
