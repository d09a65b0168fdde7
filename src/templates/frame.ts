import type { Activation, Block, Output } from "./context.ts";
import type { Statement } from "./nodes.ts";
import { type Load, type Reference, Symbols, type Unit } from "./symbols.ts";
import { orUndefined, type Value } from "./values.ts";

/** The compiler's knowledge of the place of a part of a template. */
export interface Frame {
  readonly symbols: Symbols;
  /** True if names that are set here are the template's own, which blocks and macros can read. */
  readonly isTop: boolean;
  /** True if unknown filters and tests are errors only where they are used. */
  readonly isSoft: boolean;
  /** True if `break` and `continue` have a loop here. */
  readonly inLoop: boolean;
  /** Makes code of statements that stand here or within. */
  readonly compileBody: (statements: readonly Statement[], frame: Frame) => Execute;
  /** The code of a partial; undefined where there is none of that name. */
  readonly partial: (name: string, line: number) => Compiled | undefined;
}

/** Code of a whole template. */
export interface Compiled {
  readonly root: Block;
  readonly blocks: ReadonlyMap<string, Block>;
  /** The names that it reads from its context, those of its partials included. */
  readonly reads: ReadonlySet<string>;
}

/** The end of a statement: as usual, or on its way out of a loop. */
export type Jump = "break" | "continue" | undefined;

/** Code of a statement. */
export type Execute = (activation: Activation, out: Output) => Jump;

/** The frame of a scope within another; one of a unit of its own has no loop around it. */
export const inner = (frame: Frame, unit: Unit = frame.symbols.unit): Frame => ({
  symbols: new Symbols(unit, frame.symbols),
  isTop: false,
  isSoft: false,
  inLoop: unit === frame.symbols.unit && frame.inLoop,
  compileBody: frame.compileBody,
  partial: frame.partial,
});

/** Code of an expression. */
export type Evaluate = (activation: Activation) => Value;

/** Code that looks up a variable, which is undefined where it has no value. */
export function reader(from: Unit, { unit, slot }: Reference): (activation: Activation) => Value | undefined {
  if (unit === from) return ({ slots }) => slots[slot];
  return (activation) => owner(activation, unit).slots[slot];
}

export function writer(from: Unit, { unit, slot }: Reference): (activation: Activation, value: Value) => void {
  if (unit === from)
    return ({ slots }, value) => {
      slots[slot] = value;
    };
  return (activation, value) => {
    owner(activation, unit).slots[slot] = value;
  };
}

function owner(activation: Activation, unit: Unit): Activation {
  let current = activation;
  while (current.unit !== unit) current = current.parent as Activation;
  return current;
}

/** Code that gives the variables of a scope their first values. */
export function entrance(symbols: Symbols): (activation: Activation) => void {
  for (const load of symbols.loads.values()) if (load.kind === "resolve") symbols.unit.reads.add(load.name);
  const loads = [...symbols.loads].map(([slot, load]) => [slot, firstValue(symbols.unit, load)] as const);
  const active = loads.filter(
    (load): load is readonly [number, (activation: Activation) => Value | undefined] => load[1] !== undefined,
  );
  return (activation) => {
    for (const [slot, value] of active) activation.slots[slot] = value(activation);
  };
}

function firstValue(unit: Unit, load: Load): ((activation: Activation) => Value | undefined) | undefined {
  if (load.kind === "parameter") return undefined;
  if (load.kind === "undefined") return () => undefined;
  if (load.kind === "alias") return reader(unit, load.reference);
  const { name } = load;
  return ({ context }) => context.resolve(name);
}

/** Code that takes the values of a scope's variables away at its end. */
export function exit(symbols: Symbols): (activation: Activation) => void {
  const slots = [...symbols.loads.keys()];
  return (activation) => {
    for (const slot of slots) activation.slots[slot] = undefined;
  };
}

/** Code that reads a name. */
export function nameReader(name: string, { symbols }: Frame): Evaluate {
  const read = reader(symbols.unit, symbols.find(name) as Reference);
  return (activation) => orUndefined(read(activation), { name });
}
