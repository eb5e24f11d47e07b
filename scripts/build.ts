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
 * client-node is 10 MB of API models around the one class that we use, and it does not declare its modules free of side
 * effects, so a bundler keeps all of them (100 MB of memory once loaded). We declare it in its place, and the dynamic
 * import, of which nothing can be shaken off, becomes a module with this class alone.
 */
const kubeConfigOnly: Plugin = {
  name: 'kube-config-only',
  setup(plugin) {
    plugin.onResolve({ filter: new RegExp(`^${CLIENT}$`) }, ({ importer, kind }) => {
      const wanted = /const \{ KubeConfig(?:: \w+)? \} = await import\('@kubernetes\/client-node'\)/g;
      const text = readFileSync(importer, 'utf8');
      const imports = text.split(`import('${CLIENT}')`).length - 1;
      if (kind === 'dynamic-import' && [...text.matchAll(wanted)].length === imports) {
        return { path: join(CLIENT_DIST, 'config.js'), namespace: CLIENT };
      }
      return {
        errors: [
          {
            text: `${relative(ROOT, importer)}: the bundle has only "const { KubeConfig } = await import('${CLIENT}')"`,
          },
        ],
      };
    });
    plugin.onLoad({ filter: /./, namespace: CLIENT }, ({ path }) => ({
      contents: `export { KubeConfig } from './${basename(path)}';`,
      resolveDir: CLIENT_DIST,
    }));
    plugin.onResolve({ filter: /^\.\.?\// }, async ({ path, pluginData, ...options }) => {
      if (pluginData === CLIENT || !options.resolveDir.startsWith(CLIENT_DIST)) return undefined;
      const { importer, kind, resolveDir, namespace, with: attributes } = options;
      const found = await plugin.resolve(path, {
        importer,
        kind,
        resolveDir,
        namespace: namespace === CLIENT ? 'file' : namespace,
        with: attributes,
        pluginData: CLIENT,
      });
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
    plugins: [kubeConfigOnly],
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
