/** Loaded before a program (`node --import`): its wall clock differs from the machine's by SKEW_MS; the monotonic one does not. */
const skew = Number(process.env['SKEW_MS'] ?? 0);
const RealDate = Date;

class SkewedDate extends RealDate {
  constructor(...args: readonly [] | readonly [number | string | Date]) {
    super(args[0] ?? SkewedDate.now());
  }

  static override now(): number {
    return RealDate.now() + skew;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
