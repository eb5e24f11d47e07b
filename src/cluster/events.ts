/**
 * Events people see in `kubectl describe`. An event is a courtesy: nothing waits for it and nothing fails with it. The
 * same event again raises a count instead of making a new object, across restarts too, because its name is made from
 * what it says.
 */
import { createHash } from 'node:crypto';
import { microTime, systemClock, type Clock } from './clock.ts';
import { ClusterError, isClusterError, shorten } from './errors.ts';
import { read } from './listing.ts';
import { events } from './paths.ts';
import type { Transport } from './transport.ts';
import type { Writer } from './writers.ts';

/** The object an event is about. */
export interface EventObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty or left out for cluster-scoped objects. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

/** One event. `note` is for people, without anything from captures, logs or environments. */
export interface EventNote {
  readonly regarding: EventObject;
  readonly related?: EventObject;
  readonly type: 'Normal' | 'Warning';
  /** Why, PascalCase, at most 128 characters. */
  readonly reason: string;
  /** What we did, PascalCase, at most 128 characters. */
  readonly action: string;
  /** At most 1024 characters. */
  readonly note: string;
}

/** Who reports. */
export interface EventRecorderOptions {
  /** The pod's name, at most 128 characters. */
  readonly instance: string;
  readonly onError?: (error: ClusterError) => void;
  readonly clock?: Clock;
}

export const REPORTING_CONTROLLER = 'uwsgi-tuner.dev/controller';

/** Between two writes of one event's count, milliseconds. */
const QUIET_MS = 60_000;
/** Events remembered; the oldest is forgotten first. */
const REMEMBERED = 1_000;

interface Remembered {
  count: number;
  writtenAt: number;
}

/** Writes events. */
export class EventRecorder {
  readonly #transport: Transport;
  readonly #writer: Writer;
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Remembered>();

  constructor(transport: Transport, writer: Writer, options: EventRecorderOptions) {
    this.#transport = transport;
    this.#writer = writer;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Records `event`. Never rejects with a `ClusterError`: those go to `onError`. */
  async record(event: EventNote): Promise<void> {
    const place = { namespace: event.regarding.namespace ?? 'default', name: nameOf(event) };
    const key = `${place.namespace}/${place.name}`;
    const known = this.#remembered.get(key);
    const now = this.#clock.monotonic();
    if (known !== undefined) {
      known.count += 1;
      if (now - known.writtenAt < QUIET_MS) return;
    }
    const entry = known ?? { count: 1, writtenAt: now };
    entry.writtenAt = now;
    this.#remember(key, entry);
    try {
      await this.#write(event, place, entry);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#options.onError?.(error);
    }
  }

  async #write(event: EventNote, place: { namespace: string; name: string }, entry: Remembered): Promise<void> {
    if (entry.count > 1) {
      try {
        await this.#raise(place, entry.count);
        return;
      } catch (error) {
        // The server forgets events after an hour.
        if (!isClusterError(error, 'NotFound')) throw error;
        entry.count = 1;
      }
    }
    try {
      await this.#writer.create(events, { namespace: place.namespace }, this.#object(event, place));
    } catch (error) {
      if (!isClusterError(error, 'AlreadyExists')) throw error;
      const before = await read<{ series?: { count?: number } }>(this.#transport, events, place, { timeoutMs: 4_000 });
      entry.count = (before.series?.count ?? 1) + 1;
      await this.#raise(place, entry.count);
    }
  }

  async #raise(place: { namespace: string; name: string }, count: number): Promise<void> {
    const series = { count, lastObservedTime: microTime(this.#clock.wall()) };
    await this.#writer.mergePatch(events, place, { series });
  }

  #object(event: EventNote, place: { namespace: string; name: string }): Record<string, unknown> {
    return {
      apiVersion: events.apiVersion,
      kind: 'Event',
      metadata: place,
      eventTime: microTime(this.#clock.wall()),
      reportingController: REPORTING_CONTROLLER,
      reportingInstance: this.#options.instance.slice(0, 128),
      regarding: event.regarding,
      ...(event.related === undefined ? {} : { related: event.related }),
      type: event.type,
      reason: event.reason,
      action: event.action,
      note: shorten(event.note, 1024),
    };
  }

  #remember(key: string, entry: Remembered): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, entry);
    if (this.#remembered.size <= REMEMBERED) return;
    const oldest = this.#remembered.keys().next();
    if (oldest.done !== true) this.#remembered.delete(oldest.value);
  }
}

/** The same for the same words about the same object. */
function nameOf({ regarding, type, reason, action, note }: EventNote): string {
  const words = JSON.stringify([regarding.uid, type, reason, action, note]);
  const hash = createHash('sha256').update(words).digest('hex').slice(0, 16);
  return `${regarding.name.slice(0, 200)}.${hash}`;
}
