/**
 * The commands. Each is a file beside this one that exports `register`; it is loaded only when it is the one that was
 * asked for, so a command without a cluster never loads the Kubernetes client. A new command is its file and one line.
 */
import type { Command } from 'commander';
import type { Io } from './io.ts';

/** What a command's file exports: fills the command (arguments, options, subcommands, action). */
export interface CommandModule {
  readonly register: (command: Command, io: Io) => void;
}

export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'controller',
    summary: 'run the operator',
    load: () => import('./controller.ts'),
  },
  {
    name: 'analyze',
    summary: 'captures to attribution, budget and recommendation (no cluster)',
    load: () => import('./analyze.ts'),
  },
  {
    name: 'config',
    summary: 'read or edit the text of a uWSGI config (no cluster)',
    load: () => import('./config.ts'),
  },
];
