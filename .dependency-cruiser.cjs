/**
 * The import law (docs: CONTRIBUTING.md). api imports nothing of ours; core imports api; cluster imports api;
 * controller imports api, core and cluster; cli imports everything; nobody imports cli.
 * core and api are pure: no client, no logger, no node: modules, no process.
 */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'api-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^src/api/' },
      to: { path: '^src/', pathNot: '^src/api/' },
    },
    {
      name: 'core-imports-api-only',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/', pathNot: '^src/(api|core)/' },
    },
    {
      name: 'cluster-imports-api-only',
      severity: 'error',
      from: { path: '^src/cluster/' },
      to: { path: '^src/', pathNot: '^src/(api|cluster)/' },
    },
    {
      name: 'controller-imports-api-core-cluster',
      severity: 'error',
      from: { path: '^src/controller/' },
      to: { path: '^src/', pathNot: '^src/(api|core|cluster|controller)/' },
    },
    {
      name: 'nobody-imports-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|main\\.ts$)' },
      to: { path: '^src/(cli/|main\\.ts$)' },
    },
    {
      name: 'src-never-imports-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
    },
    {
      name: 'pure-core-no-node-modules',
      severity: 'error',
      from: { path: '^src/(api|core)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-core-libraries',
      severity: 'error',
      from: { path: '^src/(api|core)/' },
      to: {
        dependencyTypes: ['npm'],
        pathNot: 'node_modules/(ajv|js-yaml|yaml|jsonc-parser|@noble/hashes)/',
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
