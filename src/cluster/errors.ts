/**
 * What went wrong outside. Every failure of the API server, the network or a kubelet reaches callers as one
 * `ClusterError` of a closed set of kinds, with a short message that never holds a body, a header or an output.
 */

/** The closed set of what can go wrong. */
export type ClusterErrorKind =
  /** 400, 405, 406, 415: we asked wrongly; trying again will not help. */
  | 'BadRequest'
  /** 401, also after the credentials were read again. */
  | 'Unauthorized'
  /** 403: RBAC, admission or Pod Security said no. */
  | 'Forbidden'
  /** 404: the object, its kind, the pod or the container is not there. */
  | 'NotFound'
  /** 409: resourceVersion, uid or a field manager did not match. Observe again. */
  | 'Conflict'
  /** 409 with reason AlreadyExists: a create found the name taken. */
  | 'AlreadyExists'
  /** 410: a resourceVersion or continue token is too old. List again. */
  | 'Expired'
  /** 422: the object did not validate. */
  | 'Invalid'
  /** 429: wait `retryAfterMs`. */
  | 'TooManyRequests'
  /** Our deadline passed, or 504. After a write the outcome is unknown: read before writing again. */
  | 'Timeout'
  /** 5xx, no connection, a reset, a stream that ended without its last word. After a write the outcome is unknown. */
  | 'Unavailable'
  /** The caller's signal fired. */
  | 'Aborted'
  /** A size cap was passed, ours or the server's (413). */
  | 'TooLarge'
  /** Exec: the container has no such program. Another program may be there. */
  | 'NoSuchExecutable'
  /** The answer was not what the protocol promises. */
  | 'Protocol';

/** Values of a `ClusterError` beside its kind and message. */
export interface ClusterErrorDetails {
  readonly status?: number | null;
  /** `reason` of the API server's Status object. */
  readonly reason?: string | null;
  readonly retryAfterMs?: number | null;
}

/** Longest message in characters: long enough for a sentence of the API server, too short for an object. */
const LONGEST_MESSAGE = 300;

/** A failure outside this process. */
export class ClusterError extends Error {
  readonly kind: ClusterErrorKind;
  /** HTTP status, null when there was no answer. */
  readonly status: number | null;
  readonly reason: string | null;
  /** How long the server asked us to wait, milliseconds. */
  readonly retryAfterMs: number | null;

  constructor(kind: ClusterErrorKind, message: string, details: ClusterErrorDetails = {}) {
    super(shorten(message, LONGEST_MESSAGE));
    this.name = 'ClusterError';
    this.kind = kind;
    this.status = details.status ?? null;
    this.reason = details.reason ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }

  static timeout(what: string, ms: number): ClusterError {
    return new ClusterError('Timeout', `${what}: no end within ${ms} ms`);
  }

  static aborted(what: string): ClusterError {
    return new ClusterError('Aborted', `${what}: aborted`);
  }
}

/** Whether `error` is a `ClusterError`, and of one of `kinds` where any are given. */
export function isClusterError(error: unknown, ...kinds: readonly ClusterErrorKind[]): error is ClusterError {
  return error instanceof ClusterError && (kinds.length === 0 || kinds.includes(error.kind));
}

/** Cuts text to at most `characters`, marking the cut, on one line. */
export function shorten(text: string, characters: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= characters ? line : `${line.slice(0, characters - 1)}…`;
}

/** The parts of meta/v1 Status that we read. */
export interface ApiStatus {
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** The error for an HTTP status that is not a success. `what` says what we were doing. */
export function errorFromStatus(
  what: string,
  code: number,
  body: ApiStatus | null,
  retryAfter: string | null = null,
): ClusterError {
  const reason = body?.reason ?? null;
  const detail = body?.message === undefined ? (reason ?? '') : body.message;
  return new ClusterError(kindOfStatus(code, reason), `${what}: ${code}${detail === '' ? '' : ` ${detail}`}`, {
    status: code,
    reason,
    retryAfterMs: retryAfterMs(retryAfter, body),
  });
}

function kindOfStatus(code: number, reason: string | null): ClusterErrorKind {
  switch (code) {
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Expired';
    case 413:
      return 'TooLarge';
    case 422:
      return 'Invalid';
    case 429:
      return 'TooManyRequests';
    case 504:
      return 'Timeout';
    default:
      return code >= 500 ? 'Unavailable' : code >= 400 ? 'BadRequest' : 'Protocol';
  }
}

/** Retry-After in seconds (the API server never sends a date), or Status.details.retryAfterSeconds. */
function retryAfterMs(header: string | null, body: ApiStatus | null): number | null {
  const seconds = header === null ? body?.details?.retryAfterSeconds : Number(header);
  return seconds !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

/** Codes of Node and undici that mean a time limit of the connection passed. */
const TIMEOUT_CODES = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/** The error for a fault below HTTP: a refused or reset connection, TLS, a time limit. Throws on what is a bug of ours. */
export function errorFromNetwork(what: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const code = networkCode(error);
  if (code === 'TypeError' || code === 'RangeError') throw error;
  const kind = TIMEOUT_CODES.has(code) ? 'Timeout' : 'Unavailable';
  return new ClusterError(kind, `${what}: ${code}`, { reason: code });
}

function networkCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  if (error.cause instanceof Error) return networkCode(error.cause);
  return error.name;
}
