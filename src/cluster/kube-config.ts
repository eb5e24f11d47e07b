/**
 * The one value taken from client-node, behind a module of its own: `credentials.ts` loads it only when a kubeconfig is
 * used, and a bundler that follows a named re-export leaves the 3 MB of API models out.
 */
export { KubeConfig } from '@kubernetes/client-node';
