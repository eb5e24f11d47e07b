/** What a command may touch of the outside: its input, its two outputs, and how it ends. */
import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';

/** The streams of a command. Results go to stdout, everything a person should know beside them to stderr. */
export interface Io {
  /** Null when there is more than `limit` bytes: a device or a pipe may never end. */
  readonly readFile: (path: string, limit: number) => Promise<Uint8Array | null>;
  readonly readStdin: (limit: number) => Promise<Uint8Array | null>;
  readonly writeStdout: (data: string | Uint8Array) => Promise<void>;
  readonly writeStderr: (text: string) => Promise<void>;
}

/** Exit statuses (docs: the command line). */
export const EXIT = { done: 0, failed: 1, refused: 2 } as const;

/** Ends a command with a status and one line on stderr. For what a user can mend; a bug is any other error. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(oneLine(message));
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

/** Bad input, or a request that is not met: exit status 2. */
export function refused(message: string): CommandError {
  return new CommandError(EXIT.refused, message);
}

/** A text without line breaks and other control characters, which a config file may bring into a message. */
export function oneLine(text: string): string {
  return text.trim().replace(/[\p{Cc}\p{Zl}\p{Zp}\uffff]+/gu, ' ');
}

/** The streams of this process. */
export function processIo(): Io {
  // A reader that went away (`| head`) is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    readFile: (path, limit) => collect(createReadStream(path), limit),
    readStdin: (limit) => collect(process.stdin, limit),
    writeStdout: (data) => write(process.stdout, data),
    writeStderr: (text) => write(process.stderr, text),
  };
}

async function collect(stream: AsyncIterable<unknown>, limit: number): Promise<Uint8Array | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    if (bytes > limit) return null;
    chunks.push(part);
  }
  return Buffer.concat(chunks);
}

/** Resolves when the data is handed over, so that a pipe has all of it before the process ends. */
async function write(stream: NodeJS.WriteStream, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    stream.write(data, () => {
      resolve();
    });
  });
}
