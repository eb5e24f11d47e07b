/** The main program: picks the command, loads it, runs it, and turns every end into an exit status. */
import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './commands.ts';
import { CommandError, EXIT, oneLine, type Io } from './io.ts';
import { VERSION } from './version.ts';

const EXIT_HELP = `
Exit status: 0 done, 1 failed, 2 refused or bad input (one line on stderr says why).`;

/** Runs the command line and returns the exit status. */
export async function runProgram(args: readonly string[], io: Io, commands = COMMANDS): Promise<number> {
  const help: string[] = [];
  const program = await buildProgram(args, { io, commands, help });
  try {
    await program.parseAsync(args.length === 0 ? ['help'] : [...args], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return await endWith(error, io);
  } finally {
    if (help.length > 0) await io.writeStdout(help.join(''));
  }
}

interface Parts {
  readonly io: Io;
  readonly commands: readonly CommandEntry[];
  /** Text that commander prints as an answer: help and version. */
  readonly help: string[];
}

async function buildProgram(args: readonly string[], { io, commands, help }: Parts): Promise<Command> {
  const program = new Command('uwsgi-tuner')
    .description('Measures uWSGI pods and sizes processes, threads and thread stacks against the memory limit.')
    .version(VERSION, '-V, --version', 'print the version')
    .addHelpText('after', EXIT_HELP)
    // Errors are thrown, and written once, by the catch in runProgram.
    .exitOverride()
    .configureOutput({ writeOut: (text) => help.push(text), writeErr: () => undefined });
  // `help NAME` and `NAME --help` need the same command.
  const asked = args[0] === 'help' ? args[1] : args[0];
  for (const entry of commands) {
    const command = program.command(entry.name).summary(entry.summary).description(entry.summary);
    if (entry.name === asked) (await entry.load()).register(command, io);
  }
  return program;
}

async function endWith(error: unknown, io: Io): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    // Asked for nothing that can run (`config` alone): commander means to show help.
    const message = error.code === 'commander.help' ? 'found no command, allowed: see --help' : error.message;
    await io.writeStderr(`uwsgi-tuner: ${oneLine(message.replace(/^error: /, ''))}\n`);
    return EXIT.refused;
  }
  if (error instanceof CommandError) {
    await io.writeStderr(`uwsgi-tuner: ${error.message}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  await io.writeStderr(`uwsgi-tuner: unexpected failure: ${text}\n`);
  return EXIT.failed;
}
