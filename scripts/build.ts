/**
 * Bundles the program into dist/: uwsgi-tuner.mjs and the chunks that only some commands load. Nothing in the bundle is
 * installed beside it, so the image needs Node and this folder alone. The same sources give the same bytes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const ENTRY = 'src/main.ts';
const OUT = join(ROOT, 'dist');
const LICENSES = 'third-party-licenses.txt';
const CLIENT = '@kubernetes/client-node';
const CLIENT_DIST = join(ROOT, 'node_modules', CLIENT, 'dist');

/**
 * client-node is API models around the few classes that we use, and it does not declare its modules free of side
 * effects, so a bundler keeps all of them: 100 MB of memory once loaded. We declare it in its place. Nothing can be
 * shaken off a dynamic import, so that one has to be of a file of ours which names what it needs.
 */
const shakeClient: Plugin = {
  name: 'shake-client',
  setup(build) {
    build.onResolve({ filter: /./ }, async ({ path, pluginData, ...options }) => {
      const inside = path.startsWith('.') && options.resolveDir.startsWith(CLIENT_DIST);
      if (pluginData === CLIENT || (path !== CLIENT && !inside)) return undefined;
      if (path === CLIENT && options.kind === 'dynamic-import') {
        return {
          errors: [
            { text: `import('${CLIENT}') would bundle all of it: import it by name in a file and that file here` },
          ],
        };
      }
      const found = await build.resolve(path, { ...options, pluginData: CLIENT });
      return { ...found, sideEffects: false, pluginData: undefined };
    });
  },
};

async function bundle(): Promise<{ files: Map<string, Uint8Array>; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { 'uwsgi-tuner': ENTRY },
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Names stay, so that a stack trace can be read without a map.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // CommonJS packages call require() for Node's own modules.
    banner: { js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);" },
    plugins: [shakeClient],
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  return { files: new Map(outputFiles.map(({ path, contents }) => [basename(path), contents])), metafile };
}

/** The licences of all that is in the bundle; most of them ask for their text to travel with the code. */
function licenses(metafile: Metafile): string {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  const texts = [...folders].sort().map((folder) => {
    const place = join(ROOT, folder);
    const manifest = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as Record<string, unknown>;
    const name = `${String(manifest['name'])} ${String(manifest['version'])} (${String(manifest['license'])})`;
    const [file] = readdirSync(place)
      .filter((entry) => /^(licen[cs]e|copying)/i.test(entry))
      .sort();
    const text =
      file === undefined ? 'The package carries no text of its licence.' : readFileSync(join(place, file), 'utf8');
    return `${name}\n\n${text.trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** Writes what differs and removes what is left from before, so a bundle in use by another process is not touched needlessly. */
function writeOut(files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(OUT, { recursive: true });
  for (const [name, contents] of files) {
    const path = join(OUT, name);
    if (!existsSync(path) || !readFileSync(path).equals(contents)) writeFileSync(path, contents);
  }
  for (const name of readdirSync(OUT)) if (!files.has(name)) rmSync(join(OUT, name), { recursive: true });
}

if (!existsSync(join(ROOT, ENTRY))) {
  console.error(`${ENTRY}: not there, nothing to bundle`);
  process.exit(1);
}
const { files, metafile } = await bundle();
files.set(LICENSES, Buffer.from(licenses(metafile)));
writeOut(files);
for (const [name, { length }] of [...files].sort()) {
  console.log(`${relative(ROOT, join(OUT, name)).padEnd(40)} ${(length / 1024).toFixed(0).padStart(6)} KiB`);
}
