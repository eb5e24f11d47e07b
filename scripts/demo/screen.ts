/** Where the demo writes: the story on one stream, progress on stderr. */
import { paintFor, WIDTH, type Paint } from './text.ts';

/** Nothing is said of work that takes less. */
const QUIET_MS = 2_000;
const TERMINAL_MS = 1_000;
const LOG_MS = 10_000;

export class Screen {
  readonly paint: Paint;
  readonly #story: NodeJS.WriteStream;
  readonly #started = Date.now();
  /** What is under way, by title, with the time it began. */
  readonly #running = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #lineShown = false;
  /** Work of an earlier epoch is not spoken of any more. */
  #epoch = 0;

  constructor(story: NodeJS.WriteStream) {
    this.#story = story;
    this.paint = paintFor(story, process.env);
  }

  /** Seconds since the demo began. */
  get seconds(): number {
    return (Date.now() - this.#started) / 1000;
  }

  heading(title: string): void {
    this.print(`\n${this.paint.bold(title)}\n${'='.repeat(title.length)}\n\n`);
  }

  print(text: string): void {
    if (this.#epoch > 0) return;
    this.#clearLine();
    this.#story.write(text);
  }

  /** A line about the run itself. */
  note(text: string): void {
    this.#clearLine();
    process.stderr.write(`${text}\n`);
  }

  /** Runs work with its time shown; several may run at once. `live` false where the work shows progress of its own. */
  async step<T>(title: string, work: () => Promise<T>, live = true): Promise<T> {
    const begun = Date.now();
    const epoch = this.#epoch;
    if (live) this.#running.set(title, begun);
    else this.note(this.#stamp(title));
    this.#schedule();
    try {
      const result = await work();
      const seconds = (Date.now() - begun) / 1000;
      if (seconds * 1000 >= QUIET_MS && epoch === this.#epoch)
        this.note(this.#stamp(`${title}: done in ${seconds.toFixed(1)} s`));
      return result;
    } finally {
      this.#running.delete(title);
      if (this.#running.size === 0) this.stop();
    }
  }

  /** The story ends here: only what begins now is spoken of. */
  breakOff(): void {
    this.stop();
    this.#running.clear();
    this.#epoch += 1;
  }

  /** Ends the showing of progress. */
  stop(): void {
    this.#clearLine();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #schedule(): void {
    this.#timer ??= setInterval(
      () => {
        this.#show();
      },
      process.stderr.isTTY ? TERMINAL_MS : LOG_MS,
    ).unref();
  }

  #show(): void {
    const now = Date.now();
    const slow = [...this.#running].filter(([, begun]) => now - begun >= QUIET_MS);
    if (slow.length === 0) return;
    const text = slow.map(([title, begun]) => `${title} (${Math.round((now - begun) / 1000)} s)`).join('; ');
    const line = this.#stamp(text);
    if (!process.stderr.isTTY) {
      process.stderr.write(`${line}\n`);
      return;
    }
    process.stderr.write(`\r\x1b[K${line.slice(0, WIDTH - 1)}`);
    this.#lineShown = true;
  }

  #stamp(text: string): string {
    return `[${this.seconds.toFixed(0).padStart(3)} s] ${text}`;
  }

  #clearLine(): void {
    if (this.#lineShown) process.stderr.write('\r\x1b[K');
    this.#lineShown = false;
  }
}
