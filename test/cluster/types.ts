import type { ChildProcess } from 'node:child_process';

import type { ImageName } from '../images/index.ts';
import type { ServerCertificate } from './pki.ts';
import type { RunOptions, RunResult } from './run.ts';

/** A running etcd, API server and controller manager. */
export interface ControlPlane {
  readonly name: string;
  /** The state folder: log/, pki/, audit.log. */
  readonly dir: string;
  /** A kubeconfig file as cluster-admin; its server is https://127.0.0.1:PORT. */
  readonly kubeconfig: string;
  /** One JSON object a line, level Metadata, one line for each request. */
  readonly auditLog: string;
  /** Runs kubectl; look at `code`, it does not throw for a failure. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<RunResult>;
  /** Runs kubectl and returns its stdout; throws with its stderr when it fails. */
  kubectlOk(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** kubectl apply. */
  apply(manifest: object | readonly object[]): Promise<void>;
  helm(args: readonly string[], options?: KubectlOptions): Promise<RunResult>;
  /** Kills the API server, as a fault would. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same data and port, and waits until it is ready. */
  startApiServer(): Promise<void>;
  /**
   * Lets the API server (for an admission webhook) and pods reach a server that a test runs on 127.0.0.1:hostPort.
   * The answer is the port to use on 127.0.0.1 inside: there it is the same number.
   */
  exposeHostPort(hostPort: number): Promise<number>;
  /** A certificate signed by the cluster's CA, for `commonName`, localhost and 127.0.0.1. */
  issueServerCertificate(commonName: string): Promise<ServerCertificate>;
  /** Ends everything and removes the state folder. */
  down(): Promise<void>;
}

/** A control plane with a node that really runs pods, all inside namespaces of its own. */
export interface NodeCluster extends ControlPlane {
  readonly nodeName: string;
  /** The node's address inside: pods reach exposed ports there. */
  readonly nodeAddress: string;
  /** Runs a program inside the cluster's network, mount and pid namespaces: it reaches pods and their /proc. */
  inside(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The same for a program that goes on; it ends with the cluster, or when the returned process is killed. */
  spawnInside(argv: readonly string[], options?: Pick<RunOptions, 'env' | 'cwd'>): ChildProcess;
  /** Imports an image: an archive (OCI or Docker), or the folder of an OCI layout. */
  importImage(path: string): Promise<void>;
  /** Makes `ip:port` inside (a pod, a service) reachable on the host; the answer is the port on 127.0.0.1. */
  reach(address: string): Promise<number>;
}

export interface KubectlOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface StartOptions {
  /** At most 20 of a-z, 0-9 and -; otherwise a random one. */
  readonly name?: string;
  /** `process` (the usual): the cluster ends when this process ends in any way. `none`: it stays until `down`. */
  readonly owner?: 'process' | 'none';
}

export interface NodeOptions extends StartOptions {
  /** Images to import; otherwise the two uWSGI images. */
  readonly images?: readonly ImageName[];
}
