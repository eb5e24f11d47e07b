/** Bytes to lines, with a cap on how long a line may grow in memory. */

/** What happens to a line longer than the cap: its end is dropped, or `push` throws what `tooLong` gives. */
export interface LineLimits {
  readonly maxLineBytes: number;
  readonly tooLong?: () => Error;
}

const NEWLINE = 0x0a;

/** Collects bytes and hands over whole lines, without their line feed, decoded as UTF-8. */
export class LineSplitter {
  readonly #limits: LineLimits;
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(limits: LineLimits, onLine: (line: string) => void) {
    this.#limits = limits;
    this.#onLine = onLine;
  }

  /** Takes the next bytes; calls `onLine` for each line that ends in them. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#flush();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** Hands over a last line that has no line feed. */
  end(): void {
    if (this.#bytes > 0) this.#flush();
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    const room = this.#limits.maxLineBytes - this.#bytes;
    if (part.length > room && this.#limits.tooLong !== undefined) throw this.#limits.tooLong();
    if (room <= 0) return;
    // A copy: a view would keep the whole chunk alive for as long as the line is open.
    this.#parts.push(Buffer.from(part.subarray(0, room)));
    this.#bytes += Math.min(part.length, room);
  }

  #flush(): void {
    const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#onLine((line ?? Buffer.alloc(0)).toString('utf8'));
  }
}
