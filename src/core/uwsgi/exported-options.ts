/**
 * A section's directives to the list of options that uWSGI keeps (core/config.c add_exported_option_do): logic blocks
 * run, `set` adds, sections of the same file are followed, other files are marked where they would come in.
 */
import { fillItem, ITEM, itemsOf, type Block, type Outcome } from './blocks.ts';
import { OUTSIDE } from './c-number.ts';
import { MAX_MADE, MAX_OPTIONS, MAX_VALUE } from './dialect.ts';
import type { BuildReading, Directive, Fault, ValuePlace } from './dialect.ts';
import { isKnownOption } from './option-names.ts';
import { BLOCK_ENDS, BLOCK_STARTS, IMMEDIATE, INCLUDES, INHERITS, isTrue, optionsNamed } from './options.ts';

/** One option as uWSGI keeps it. */
export interface ExportedOption {
  readonly key: string;
  /** After the block's `%(_)`, before placeholders. */
  readonly value: string;
  readonly directive: Directive;
  /** Where the value is written in the file; null when a block made it. */
  readonly place: ValuePlace | null;
  readonly block: Block | null;
  /** Whether only the pod knows if the option is there: the reason, else null. */
  readonly conditional: string | null;
  /** Acted on already; its placeholders are never filled. */
  readonly configured: boolean;
  /** What it does beyond setting the option of its name. */
  readonly effect: Effect;
}

export type Effect =
  | { readonly kind: 'none' }
  /** Another file comes in here and may set anything set before. */
  | { readonly kind: 'include' }
  /** Another file comes in at the end and may set anything. */
  | { readonly kind: 'inherit' }
  /** An option made by `declare-option` runs other options. */
  | { readonly kind: 'custom'; readonly template: string; readonly immediate: boolean };

/** The list, or why the process cannot run with this file. */
export interface ExportedOptions {
  readonly options: readonly ExportedOption[];
  readonly sectionFound: boolean;
  /** Why uWSGI exits on this file, or why it cannot be read to its end; null when it can. */
  readonly fatal: Fault | null;
  /** Why nothing from some line on can be told. */
  readonly unreadable: Fault | null;
}

/** Sections of one file may include each other; uWSGI recurses until its stack ends. */
const MAX_DEPTH = 32;

/** Runs a section the way uWSGI reads it. */
export function exportOptions(document: BuildReading, section: string): ExportedOptions {
  const reader = new OptionReader(document);
  return reader.run(section);
}

/** An option on its way into the list. */
interface Incoming {
  readonly key: string;
  readonly value: string;
  readonly directive: Directive;
  readonly place: ValuePlace | null;
  readonly conditional: string | null;
  /** Made by a block or by `set`: block ends and the running block do not apply to it. */
  readonly fromBlock: Block | null;
}

/** The state that uWSGI keeps while it reads: the open block, `strict`, and where files came in. */
class OptionReader {
  readonly #document: BuildReading;
  readonly #options: ExportedOption[] = [];
  readonly #first = new Map<string, ExportedOption>();
  readonly #custom = new Map<string, { template: string; immediate: boolean }>();
  #block: Block | null = null;
  /** The items of the open block, where it is a `for` that the text tells. */
  #items: readonly string[] = [];
  /** Characters that blocks made so far. */
  #made = 0;
  #strict = false;
  #fatal: Fault | null = null;
  #unreadable: Fault | null = null;
  #included: { readonly line: number } | null = null;

  constructor(document: BuildReading) {
    this.#document = document;
  }

  run(section: string): ExportedOptions {
    const sectionFound = this.#readSection(section, 0);
    // Under strict, keys before the option are looked up when the list is applied.
    if (this.#strict) {
      for (const { key, configured, conditional, directive } of this.#options) {
        if (!configured && conditional === null) this.#refuseUnknown(key, directive.line);
      }
    }
    return { options: this.#options, sectionFound, fatal: this.#fatal, unreadable: this.#unreadable };
  }

  #readSection(name: string, depth: number): boolean {
    const { found, directives, unreadable, fatal } = this.#document.section(name);
    this.#unreadable ??= unreadable;
    this.#fatal ??= fatal;
    for (const directive of directives) {
      if (this.#fatal !== null) break;
      const { key, value } = directive;
      const place = { directive, index: 0 };
      this.#add({ key, value, directive, place, conditional: null, fromBlock: null }, depth);
    }
    return found;
  }

  #fail(line: number, reason: string): void {
    this.#fatal ??= { line, reason, cause: 'Fault' };
  }

  /** Ends the process if the option is there; whoever runs this file in a pod has seen that it is not. */
  #failAt({ directive, conditional }: Incoming, reason: string): void {
    if (conditional === null) this.#fail(directive.line, reason);
  }

  #add(incoming: Incoming, depth: number): void {
    if (this.#fatal !== null) return;
    const { length } = incoming.key.length > incoming.value.length ? incoming.key : incoming.value;
    if (length > MAX_VALUE) {
      this.#fail(incoming.directive.line, `an option of ${length} characters; at most ${MAX_VALUE} are read`);
      return;
    }
    if (incoming.fromBlock === null) {
      if (BLOCK_ENDS.has(incoming.key)) this.#block = null;
      if (this.#block !== null) {
        this.#addInBlock(this.#block, incoming, depth);
        return;
      }
    }
    this.#keep(incoming, depth);
  }

  #addInBlock(block: Block, incoming: Incoming, depth: number): void {
    const outcome = this.#outcome(block);
    if (outcome.kind === 'each') {
      for (const item of outcome.items) {
        if (this.#fatal !== null) return;
        this.#addItem(block, incoming, item, depth);
      }
    } else if (outcome.kind === 'once') {
      this.#addItem(block, incoming, outcome.item, depth);
    } else {
      const value = incoming.value.replaceAll(ITEM, OUTSIDE);
      this.#keep({ ...incoming, value, conditional: outcome.reason, fromBlock: block }, depth);
    }
  }

  #addItem(block: Block, incoming: Incoming, item: string | null, depth: number): void {
    const { value, made } = fillItem(incoming.value, item);
    this.#made += made;
    if (value === null || this.#made > MAX_MADE) {
      const much = `more than ${MAX_VALUE} characters of one option or ${MAX_MADE} in all`;
      this.#fail(incoming.directive.line, `${block.key} of line ${block.line} makes ${much}`);
      return;
    }
    const place = value === incoming.value ? incoming.place : null;
    this.#keep({ ...incoming, value, place, fromBlock: block }, depth);
  }

  /** What a block does with an option in it (core/config.c uwsgi_logic_opt_*). */
  #outcome(block: Block): Outcome {
    const { key, argument } = block;
    const at = `${key} at line ${block.line}`;
    if (argument.includes(OUTSIDE)) return { kind: 'pod', reason: `${at} depends on the pod` };
    if (key === 'for' || key === 'for-times') return { kind: 'each', items: this.#items };
    if (key !== 'if-opt' && key !== 'if-not-opt') return { kind: 'pod', reason: `${at} depends on the pod` };
    if (this.#included !== null) {
      return { kind: 'pod', reason: `${at} depends on the file that line ${this.#included.line} loads` };
    }
    return this.#outcomeOfOption(key === 'if-not-opt', argument, at);
  }

  #outcomeOfOption(negated: boolean, argument: string, at: string): Outcome {
    const equals = argument.indexOf('=');
    const name = equals === -1 ? argument : argument.slice(0, equals);
    const option = this.#first.get(name);
    if (option !== undefined && (option.conditional !== null || option.value.includes(OUTSIDE))) {
      return { kind: 'pod', reason: `${at} depends on the pod` };
    }
    const matches = option !== undefined && (equals === -1 || option.value === argument.slice(equals + 1));
    if (matches === negated) return { kind: 'each', items: [] };
    return { kind: 'once', item: option?.value ?? null };
  }

  #keep(incoming: Incoming, depth: number, placeholderOnly = false): void {
    if (this.#options.length >= MAX_OPTIONS) {
      this.#fail(incoming.directive.line, `the file makes more than ${MAX_OPTIONS} options`);
      return;
    }
    const { key, value, directive, place, conditional, fromBlock } = incoming;
    const configured = placeholderOnly || IMMEDIATE.has(key);
    const effect = placeholderOnly ? NO_EFFECT : this.#effect(incoming);
    const option = { key, value, directive, place, block: fromBlock, conditional, configured, effect };
    this.#options.push(option);
    if (!this.#first.has(key)) this.#first.set(key, option);
    if (placeholderOnly) {
      if (optionsNamed(key).length > 0) this.#failAt(incoming, `${key} is an option and cannot be a placeholder`);
      return;
    }
    if (this.#strict && conditional === null) this.#refuseUnknown(key, directive.line);
    this.#act(incoming, effect, depth);
  }

  #effect({ key, value, conditional }: Incoming): Effect {
    if (INHERITS.has(key)) return { kind: 'inherit' };
    // A section that only some pods read may set as much as a file that is not here.
    if (INCLUDES.has(key) && (conditional !== null || !this.#isOwnSection(key, value))) return { kind: 'include' };
    const custom = this.#custom.get(key);
    return custom === undefined ? NO_EFFECT : { kind: 'custom', ...custom };
  }

  /** `ini = :other` reads another section of the file that was loaded last: this one, while no other came in. */
  #isOwnSection(key: string, value: string): boolean {
    return (
      this.#document.followsSections &&
      key === 'ini' &&
      this.#included === null &&
      value.lastIndexOf(':') === 0 &&
      !value.includes(OUTSIDE)
    );
  }

  /** What immediate options do at once. */
  #act(incoming: Incoming, effect: Effect, depth: number): void {
    const { key, value } = incoming;
    const { line } = incoming.directive;
    if (effect.kind === 'include' || effect.kind === 'inherit') {
      this.#included ??= { line };
    } else if (BLOCK_STARTS.has(key)) {
      this.#open(incoming);
    } else if (key === 'strict') {
      // A running pod whose strict depends on the pod has shown that it knows its keys.
      if (incoming.conditional === null) this.#strict = isTrue(value);
    } else if (key === 'set' || key === 'set-ph' || key === 'set-placeholder') {
      this.#set(incoming, key !== 'set', depth);
    } else if (key === 'declare-option' || key === 'declare-option2') {
      const equals = value.indexOf('=');
      if (equals === -1) this.#failAt(incoming, `${key} needs name=template, found no "="`);
      else
        this.#custom.set(value.slice(0, equals), {
          template: value.slice(equals + 1),
          immediate: key === 'declare-option',
        });
    } else if (key === 'ini') {
      this.#follow(incoming, depth);
    } else if (key === 'exit') {
      this.#failAt(incoming, 'the option exit ends the process');
    }
  }

  #open(incoming: Incoming): void {
    const { key, value, directive, conditional, fromBlock } = incoming;
    if (fromBlock === null) {
      this.#block = { key, argument: value, line: directive.line };
      this.#items = itemsOf(key, value);
    } else if (conditional === null) {
      this.#fail(directive.line, `${key} stands inside ${fromBlock.key} of line ${fromBlock.line}: blocks do not nest`);
    }
    // Inside a block whose test fails in the pod it is skipped; where the test holds uWSGI exits.
  }

  #set(incoming: Incoming, placeholderOnly: boolean, depth: number): void {
    const { value, place } = incoming;
    const equals = value.indexOf('=');
    if (equals === -1) {
      this.#failAt(incoming, `${incoming.key} needs name=value, found no "="`);
      return;
    }
    const inner: Incoming = {
      ...incoming,
      key: value.slice(0, equals),
      value: value.slice(equals + 1),
      place: place === null ? null : { directive: place.directive, index: place.index + equals + 1 },
    };
    if (placeholderOnly) this.#keep(inner, depth, true);
    else this.#add(inner, depth);
  }

  #follow(incoming: Incoming, depth: number): void {
    const { value, directive } = incoming;
    if (depth >= MAX_DEPTH) {
      this.#fail(directive.line, 'the sections include each other without end');
      return;
    }
    this.#readSection(value.slice(1) === '' ? 'uwsgi' : value.slice(1), depth + 1);
  }

  #refuseUnknown(key: string, line: number): void {
    if (isKnownOption(key) || this.#custom.has(key)) return;
    this.#fail(line, `strict is on and uWSGI knows no option "${key}"`);
  }
}

const NO_EFFECT: Effect = { kind: 'none' };
