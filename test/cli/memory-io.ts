import { Buffer } from 'node:buffer';
import { runProgram } from '../../src/cli/program.ts';
import type { Io } from '../../src/cli/io.ts';

/** What a run of the command line left behind. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** Runs the command line in this process on files that are only in memory. */
export async function run(
  args: readonly string[],
  files: Readonly<Record<string, string | Buffer>> = {},
): Promise<Run> {
  const out: Buffer[] = [];
  let stderr = '';
  const read = (path: string): Promise<Uint8Array> => {
    const data = files[path];
    if (data !== undefined) return Promise.resolve(Buffer.from(data));
    return Promise.reject(Object.assign(new Error(`no ${path}`), { code: 'ENOENT' }));
  };
  const io: Io = {
    readFile: read,
    readStdin: () => read('-'),
    writeStdout: (data) => {
      out.push(Buffer.from(data));
      return Promise.resolve();
    },
    writeStderr: (text) => {
      stderr += text;
      return Promise.resolve();
    },
  };
  const exitCode = await runProgram(args, io);
  const stdoutBytes = Buffer.concat(out);
  return { exitCode, stdout: stdoutBytes.toString('utf8'), stdoutBytes, stderr };
}
