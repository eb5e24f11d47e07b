/** A line on stderr that tells a waiting person what is going on. */
export interface Progress {
  /** Replaces the detail behind the title, for example "120 of about 2600 packages". */
  detail(text: string): void;
  /** Ends the line. */
  done(): void;
}

/** Nothing is shown before this: short work needs no words. */
const QUIET_MS = 2_000;
/** A terminal's line is rewritten this often; a log gets a new line far less often. */
const TERMINAL_MS = 1_000;
const LOG_MS = 30_000;

/** Shows that something takes time, from its second second on. */
export function showProgress(title: string, expectedSeconds?: number): Progress {
  const start = Date.now();
  const terminal = process.stderr.isTTY;
  let text = '';
  let shown = false;
  function line(): string {
    const seconds = Math.round((Date.now() - start) / 1000);
    const expected = expectedSeconds === undefined ? '' : ` of about ${expectedSeconds} s`;
    return `${title}${text === '' ? '' : `: ${text}`} (${seconds} s${expected})`;
  }
  function show(): void {
    shown = true;
    process.stderr.write(terminal ? `\r\x1b[K${line()}` : `${line()}\n`);
  }
  const timers: NodeJS.Timeout[] = [];
  timers.push(
    setTimeout(() => {
      show();
      timers.push(setInterval(show, terminal ? TERMINAL_MS : LOG_MS).unref());
    }, QUIET_MS).unref(),
  );
  return {
    detail: (next) => {
      text = next;
    },
    done: () => {
      for (const timer of timers) clearTimeout(timer);
      if (!shown) return;
      process.stderr.write(terminal ? `\r\x1b[K${line()}, done\n` : `${line()}, done\n`);
    },
  };
}
