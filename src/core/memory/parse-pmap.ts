/**
 * The text of procps' pmap, of one process or of several one after another. Four forms, told apart by the line under
 * "PID:   command":
 *
 *   pmap       0000556f93823000    168K r---- uwsgi-core                       sizes only
 *   pmap -x    Address           Kbytes     RSS   Dirty Mode  Mapping          and Rss
 *   pmap -X    Address Perm Offset Device Inode Size Rss Pss … Mapping         and Pss, Anonymous, Swap; not private, not huge
 *   pmap -XX   the same with every field of smaps, VmFlags too
 *
 * pmap shows the last part of a path only, and in the first two forms neither [heap] nor [vsyscall]. The command line is
 * not kept. A block must end in its total, and its rows must add up to it: what was cut is no capture.
 */
import type { Bytes } from '../quantity.ts';
import { kib } from '../quantity.ts';
import type { Mapping, ParseError } from './mapping.ts';
import { quoted } from './mapping.ts';

export type PmapForm = 'pmap' | 'pmap -x' | 'pmap -X' | 'pmap -XX';

/** One process of a pmap text. */
export interface PmapProcess {
  readonly pid: number;
  readonly form: PmapForm;
  readonly mappings: readonly Mapping[];
}

const ALLOWED = 'a row of pmap, pmap -x, pmap -X or pmap -XX';
const PLAIN_ROW = /^([0-9a-f]{8,16}) +(\d{1,13})K ([r-][w-][x-][s-][R-]) (.*)$/;
const PLAIN_TOTAL = /^ total +(\d{1,15})K$/;
const EXTENDED_ROW = /^([0-9a-f]{8,16}) +(\d{1,13}) +(\d{1,13}|-) +(?:(?:\d+|-) +)+([r-][w-][x-][s-][R-]) (.*)$/;
const EXTENDED_TOTAL = /^total kB +(\d{1,15}) /;
const FULL_TOTAL = /^ *(\d{1,15}) .*KB *$/;
const EMPTY_ROW: Omit<Mapping, 'start' | 'end' | 'size' | 'permissions' | 'name'> = {
  rss: null,
  pss: null,
  pssDirty: null,
  sharedClean: null,
  sharedDirty: null,
  privateClean: null,
  privateDirty: null,
  anonymous: null,
  anonHugePages: null,
  swap: null,
  kernelPageSize: null,
  flags: null,
};

/** Whether a text begins as pmap's does. */
export function looksLikePmap(text: string): boolean {
  return /^\d{1,10}: /.test(text);
}

/** Reads all processes of a pmap text. */
export function parsePmap(text: string): PmapProcess[] | ParseError {
  const lines = text.split('\n');
  const processes: PmapProcess[] = [];
  let number = 0;
  let summed = 0;
  while (number < lines.length) {
    const line = lines[number] ?? '';
    if (line === '') {
      number += 1;
      continue;
    }
    const pid = /^(\d{1,10}): /.exec(line)?.[1];
    if (pid === undefined) return badLine(number, line, '"PID:   command" before the rows of a process');
    const block = readBlock(lines, number + 1, summed);
    if ('allowed' in block) return block;
    processes.push({ pid: Number(pid), form: block.form, mappings: block.mappings });
    number = block.next;
    summed += block.mappings.reduce((sum, mapping) => sum + mapping.size, 0);
  }
  if (processes.length === 0) return { code: 'Empty', line: null, found: 'no process', allowed: 'the output of pmap' };
  return processes;
}

interface Block {
  readonly form: PmapForm;
  readonly mappings: readonly Mapping[];
  readonly next: number;
}

/** `summed`: bytes of the processes before, which the total of -X and -XX includes (procps 4.0). */
function readBlock(lines: readonly string[], from: number, summed: number): Block | ParseError {
  const header = lines[from] ?? '';
  const full = /^ *Address +Perm +Offset /.test(header);
  const extended = !full && /^Address +Kbytes +RSS +.*Mode +Mapping$/.test(header);
  const form = full ? (header.includes(' VmFlags ') ? 'pmap -XX' : 'pmap -X') : extended ? 'pmap -x' : 'pmap';
  const columns = full ? columnsOf(header) : null;
  const total = full ? FULL_TOTAL : extended ? EXTENDED_TOTAL : PLAIN_TOTAL;
  const mappings: Mapping[] = [];
  for (let number = form === 'pmap' ? from : from + 1; number < lines.length; number += 1) {
    const line = lines[number] ?? '';
    if (/^[ =-]+$/.test(line) && /[=-]{4}/.test(line)) continue;
    const end = total.exec(line)?.[1];
    if (end !== undefined) {
      const sum = mappings.reduce((all, mapping) => all + mapping.size, 0);
      const named = Number(end) * 1024;
      if (named === sum || (full && named === sum + summed)) return { form, mappings, next: number + 1 };
      return badLine(number, line, `the sum of the rows above, ${sum / 1024} KiB`);
    }
    const mapping = columns !== null ? fullRow(line, columns) : extended ? extendedRow(line) : plainRow(line);
    if (mapping !== null) mappings.push(mapping);
    else if (line === '' || looksLikePmap(line)) break;
    else return badLine(number, line, ALLOWED);
  }
  const found = `the end of the process whose rows begin there, after ${mappings.length} rows`;
  return {
    code: 'CutShort',
    line: from + 1,
    found,
    allowed: 'a total under the rows of each process (pmap without -q)',
  };
}

function plainRow(line: string): Mapping | null {
  const [, start, size, mode = '', name = ''] = PLAIN_ROW.exec(line) ?? [];
  return row({ start, size, permissions: permissionsOf(mode), name: nameOf(name) });
}

function extendedRow(line: string): Mapping | null {
  const [, start, size, rss, mode = '', name = ''] = EXTENDED_ROW.exec(line) ?? [];
  const mapping = row({ start, size, permissions: permissionsOf(mode), name: nameOf(name) });
  return mapping === null ? null : { ...mapping, rss: amount(rss) };
}

interface Columns {
  readonly names: readonly string[];
  /** Where the mapping's name begins: columns are as wide as their widest value. */
  readonly nameAt: number;
}

function columnsOf(header: string): Columns {
  const nameAt = header.lastIndexOf('Mapping');
  return { names: header.slice(0, nameAt).trim().split(/ +/), nameAt };
}

function fullRow(line: string, { names, nameAt }: Columns): Mapping | null {
  const words = line.slice(0, nameAt).trim().split(/ +/);
  const flagsAt = names.indexOf('VmFlags');
  const plainCount = flagsAt < 0 ? names.length : flagsAt;
  if (flagsAt < 0 ? words.length !== plainCount : words.length < plainCount) return null;
  const value = (name: string): Bytes | null => amount(words[names.indexOf(name)]);
  const [address, permissions = ''] = words;
  if (!/^[0-9a-f]{4,16}$/.test(address ?? '') || !/^[r-][w-][x-][sp]$/.test(permissions)) return null;
  const name = line.slice(nameAt).trim();
  const mapping = row({ start: address, size: words[names.indexOf('Size')], permissions, name });
  if (mapping === null) return null;
  return {
    ...mapping,
    rss: value('Rss'),
    pss: value('Pss'),
    pssDirty: value('Pss_Dirty'),
    sharedClean: value('Shared_Clean'),
    sharedDirty: value('Shared_Dirty'),
    privateClean: value('Private_Clean'),
    privateDirty: value('Private_Dirty'),
    anonymous: value('Anonymous'),
    anonHugePages: value('AnonHugePages'),
    swap: value('Swap'),
    kernelPageSize: value('KernelPageSize'),
    flags: flagsAt < 0 ? null : ` ${words.slice(flagsAt).join(' ')} `,
  };
}

interface RowText {
  readonly start: string | undefined;
  readonly size: string | undefined;
  readonly permissions: string;
  readonly name: string;
}

function row({ start: address, size: amountText, permissions, name }: RowText): Mapping | null {
  const size = amount(amountText);
  if (address === undefined || size === null) return null;
  const start = Number.parseInt(address, 16);
  return { ...EMPTY_ROW, start, end: start + size, size, permissions, name };
}

function amount(text: string | undefined): Bytes | null {
  return text !== undefined && /^\d{1,12}$/.test(text) ? kib(Number(text)) : null;
}

function permissionsOf(mode: string): string {
  return mode.slice(0, 3) + (mode[3] === 's' ? 's' : 'p');
}

/** The first two forms write "  [ anon ]" and "  [ stack ]". */
function nameOf(text: string): string {
  const special = /^ *\[ (\w+) \]$/.exec(text)?.[1];
  if (special === undefined) return text.trim();
  return special === 'anon' ? '' : `[${special}]`;
}

function badLine(index: number, line: string, allowed: string): ParseError {
  if (line.endsWith('\r')) {
    const found = 'a line that ends in CR LF';
    return { code: 'BadLine', line: index + 1, found, allowed: 'lines that end in LF (exec without -t)' };
  }
  return { code: 'BadLine', line: index + 1, found: quoted(line), allowed };
}
