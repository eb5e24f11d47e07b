/** Real Kubernetes clusters for tests: see README.md in this folder. */
export { buildOperatorImage, ensureImages, imageFolder, imageReference } from '../images/index.ts';
export type { ImageName, OperatorImage } from '../images/index.ts';
export { binaryPath, ensureBinaries } from './binaries.ts';
export type { ProgramName } from './binaries.ts';
export { startControlPlane } from './control-plane.ts';
export { attach, startNodeCluster } from './node-cluster.ts';
export { ensurePackages } from './packages.ts';
export type { ServerCertificate } from './pki.ts';
export type { RunOptions, RunResult } from './run.ts';
export type { ControlPlane, KubectlOptions, NodeCluster, NodeOptions, StartOptions } from './types.ts';
