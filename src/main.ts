/** The entry point. Compiled code is cached before anything else is loaded: most of a short command's time is that. */
import { enableCompileCache } from 'node:module';

enableCompileCache();

const { runProgram } = await import('./cli/program.ts');
const { processIo } = await import('./cli/io.ts');

process.exitCode = await runProgram(process.argv.slice(2), processIo());
