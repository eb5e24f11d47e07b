/** The faults of the wire, each as what a proxy does to the requests that come by while it lasts. */
import { Transform } from 'node:stream';
import type { FaultProxy, Rule, SeenRequest } from './fault-proxy.ts';

const PASS = { kind: 'pass' } as const;

/** A fault that lasts: begun on a proxy, ended by calling what it gave. */
export type WireFault = (proxy: FaultProxy) => () => void;

const isWatch = ({ url }: SeenRequest): boolean => url.includes('watch=true');
const isList = ({ method, url }: SeenRequest): boolean =>
  method === 'GET' && /\/(pods|uwsgitunings|deployments|statefulsets)\?/.test(url) && !url.includes('watch=true');
const isExec = ({ upgrade }: SeenRequest): boolean => upgrade;
const isLog = ({ url }: SeenRequest): boolean => url.includes('/log?');
const isWrite = ({ method }: SeenRequest): boolean => method !== 'GET';

function ruled(rule: Rule): WireFault {
  return (proxy) => {
    proxy.rule = rule;
    return () => {
      proxy.rule = () => PASS;
    };
  };
}

/** Watches that are open go on undisturbed, so they are broken first and opened anew under the rule. */
function onWatches(through: () => Transform): WireFault {
  return (proxy) => {
    let on = true;
    proxy.rule = (request) =>
      isWatch(request) ? { kind: 'mangle', through: () => whileOn(through(), () => on) } : PASS;
    proxy.breakAll();
    return () => {
      on = false;
      proxy.rule = () => PASS;
    };
  };
}

export const WIRE_FAULTS: Readonly<Record<string, WireFault>> = {
  'watch events dropped': onWatches(() => byLine(() => undefined)),
  'watch events duplicated': onWatches(() =>
    byLine((line, push) => {
      push(line);
      push(line);
    }),
  ),
  'watch events delayed': onWatches(() =>
    byLine((line, push) => {
      setTimeout(() => {
        push(line);
      }, 3_000);
    }),
  ),
  'watch events reordered': onWatches(() => {
    let held: string | null = null;
    return byLine((line, push) => {
      if (held === null) held = line;
      else {
        push(line);
        push(held);
        held = null;
      }
    });
  }),
  'stale lists': (proxy) => {
    const old = new Map<string, string>();
    proxy.rule = (request) => {
      const text = isList(request) ? old.get(request.url) : undefined;
      return text === undefined ? PASS : { kind: 'body', text };
    };
    proxy.onBody = (request, body) => {
      if (isList(request) && !old.has(request.url)) old.set(request.url, body);
    };
    return () => {
      proxy.rule = () => PASS;
      proxy.onBody = null;
    };
  },
  '410 for watches and lists': (proxy) => {
    proxy.breakAll();
    return ruled((request) => (isWatch(request) || isList(request) ? { kind: 'status', code: 410 } : PASS))(proxy);
  },
  '429 with Retry-After': ruled(() => ({ kind: 'status', code: 429, headers: { 'retry-after': '1' } })),
  'a storm of 500': ruled(() => ({ kind: 'status', code: 500 })),
  'half-open sockets': (proxy) => {
    proxy.freezeAll();
    return ruled(() => ({ kind: 'never' }))(proxy);
  },
  'connections reset': (proxy) => {
    const timer = setInterval(() => {
      proxy.breakAll();
    }, 250);
    const end = ruled(({ at }) => (at % 2 === 0 ? { kind: 'reset' } : PASS))(proxy);
    return () => {
      clearInterval(timer);
      end();
    };
  },
  'answers to writes lost': ruled((request) => (isWrite(request) ? { kind: 'lost' } : PASS)),
  'everything slow': ruled(() => ({ kind: 'delay', ms: 2_000 })),
  'exec cut mid-way': ruled((request) => (isExec(request) ? { kind: 'cut', afterBytes: 3_000 } : PASS)),
  'exec that never ends': ruled((request) => (isExec(request) ? { kind: 'never' } : PASS)),
  'logs refused': (proxy) => {
    proxy.breakAll();
    return ruled((request) => (isLog(request) ? { kind: 'status', code: 500 } : PASS))(proxy);
  },
};

/** A transform that sees whole lines and pushes what it likes, now or later. */
function byLine(take: (line: string, push: (line: string) => void) => void): Transform {
  let rest = '';
  const transform: Transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        take(line, (text) => {
          if (!transform.writableFinished && !transform.destroyed) transform.push(`${text}\n`);
        });
      }
      done();
    },
  });
  return transform;
}

/** `inner` while the fault lasts; what comes after it passes as it is. */
function whileOn(inner: Transform, isOn: () => boolean): Transform {
  const outer: Transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (isOn()) inner.write(chunk);
      else outer.push(chunk);
      done();
    },
  });
  inner.on('data', (chunk: Buffer) => {
    if (!outer.writableFinished && !outer.destroyed) outer.push(chunk);
  });
  return outer;
}
