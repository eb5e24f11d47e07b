/** The demo's command line. */
import { parseArgs } from 'node:util';

export const HELP = `npm run demo -- [options]

Runs uwsgi-tuner on real pods and tells what it found, computed, changed and put
back. Every figure is taken from that run. Without options it starts a throwaway
cluster on this machine (Linux, root), which ends with the demo.

  --context NAME   use this context of your kubeconfig instead; asks before it
                   writes, and removes what it made
  --yes            do not ask
  --image REF      with --context: image of the demo's pods, with uwsgi or with
                   Python and pip (default python:3.11-slim; its pods then
                   install pyuwsgi when they start)
  --keep           leave the throwaway cluster running and say how to use it
  -o json          print the collected facts as JSON on stdout, the story on
                   stderr (the other form is text)
  --help           this text

On a machine that can do neither, the demo says what is missing and analyses
recorded captures instead, labelled as recorded.

Exit status: 0 all that was announced really happened, 1 a step failed, 2 wrong
use or not agreed to, 130 interrupted.
`;

export const DEFAULT_IMAGE = 'python:3.11-slim';

export interface DemoOptions {
  /** Null: the throwaway cluster. */
  readonly context: string | null;
  readonly yes: boolean;
  readonly image: string;
  readonly keep: boolean;
  readonly output: 'text' | 'json';
  readonly help: boolean;
}

/** Wrong use: exit status 2. */
export class UsageError extends Error {}

export function parseOptions(args: readonly string[]): DemoOptions {
  const values = parse(args);
  const output = values.output ?? 'text';
  if (output !== 'text' && output !== 'json') throw new UsageError(`--output: found ${output}, allowed: text or json`);
  const context = values.context ?? null;
  if (context === '') throw new UsageError('--context: found an empty name, allowed: a context of your kubeconfig');
  if (context === null && values.image !== undefined) throw new UsageError('--image is for --context');
  if (context !== null && values.keep === true) throw new UsageError('--keep is for the throwaway cluster');
  return {
    context,
    yes: values.yes ?? false,
    image: values.image ?? DEFAULT_IMAGE,
    keep: values.keep ?? false,
    output,
    help: values.help ?? false,
  };
}

interface Raw {
  readonly context?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly image?: string | undefined;
  readonly keep?: boolean | undefined;
  readonly output?: string | undefined;
  readonly help?: boolean | undefined;
}

function parse(args: readonly string[]): Raw {
  try {
    return parseArgs({
      args: [...args],
      options: {
        context: { type: 'string' },
        yes: { type: 'boolean' },
        image: { type: 'string' },
        keep: { type: 'boolean' },
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
