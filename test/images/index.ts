export { ensureImages, imageFolder, imageReference } from './images.ts';
export type { ImageName } from './images.ts';
export { buildOperatorImage } from './operator.ts';
export type { OperatorImage } from './operator.ts';
