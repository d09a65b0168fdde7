import { isByteToken } from "./byte-fallback.ts";

/** Start and end of a token in its text, in code points. */
export type Offset = readonly [start: number, end: number];

/** A unit that tokens are made of, a byte or a character, and the code points it came from. */
interface Unit {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The parts of a `tokenizer.json` that say how text becomes units. */
export interface TokenizerJson {
  readonly normalizer?: Step | null;
  readonly pre_tokenizer?: Step | null;
  readonly post_processor?: Step | null;
  readonly added_tokens?: readonly { readonly content: string }[];
}

interface Step {
  readonly type: string;
  readonly normalizers?: readonly Step[];
  readonly pretokenizers?: readonly Step[];
  readonly processors?: readonly Step[];
  readonly prepend?: string;
  readonly add_prefix_space?: boolean;
  readonly prepend_scheme?: string;
  readonly trim_offsets?: boolean;
}

const steps = (step: Step | null | undefined): Step[] =>
  step
    ? [step, ...[...(step.normalizers ?? []), ...(step.pretokenizers ?? []), ...(step.processors ?? [])].flatMap(steps)]
    : [];

/** How a tokenizer writes spaces: as bytes (GPT-2), or as ▁ (SentencePiece); undefined for kinds not aligned here. */
type Kind = { readonly bytes: true; readonly trim: boolean } | { readonly bytes: false; readonly prefix: boolean };

export function offsetKind(json: TokenizerJson): Kind | undefined {
  const before = [...steps(json.normalizer), ...steps(json.pre_tokenizer)];
  if (before.some(({ type }) => /^(NFK?[CD]|Lowercase|BertNormalizer|Precompiled|StripAccents|Strip)$/.test(type)))
    return undefined;
  if (before.some(({ type }) => type === "ByteLevel")) {
    return {
      bytes: true,
      trim: steps(json.post_processor).some(({ type, trim_offsets }) => type === "ByteLevel" && trim_offsets !== false),
    };
  }
  const prepend = before.some(({ type, prepend }) => type === "Prepend" && prepend === "▁");
  const metaspace = before.find(({ type }) => type === "Metaspace");
  if (!prepend && !metaspace) return undefined;
  return {
    bytes: false,
    prefix:
      prepend ||
      (metaspace?.prepend_scheme ?? (metaspace?.add_prefix_space === false ? "never" : "always")) !== "never",
  };
}

/** The offsets of tokens that a text was cut into, special tokens of the template not among them. */
export function alignOffsets(
  text: string,
  tokens: readonly string[],
  kind: Kind,
  added: ReadonlySet<string>,
): Offset[] {
  const units = kind.bytes ? byteUnits(text) : characterUnits(text, kind.prefix);
  const aligned: Offset[] = [];
  let at = 0;
  for (const token of tokens) {
    const length = kind.bytes ? byteCount(token, added) : characterCount(token, units, at, added);
    const covered = units.slice(at, at + length);
    at += length;
    const last = covered.at(-1)?.end ?? units[at - 1]?.end ?? 0;
    const whole: Offset = [Math.min(covered[0]?.start ?? last, last), last];
    aligned.push(kind.bytes && kind.trim && !added.has(token) ? trimmed(whole, covered) : whole);
  }
  return aligned;
}

function byteUnits(text: string): Unit[] {
  const encoder = new TextEncoder();
  return [...text].flatMap((character, i) =>
    Array.from(encoder.encode(character), () => ({ text: character, start: i, end: i + 1 })),
  );
}

/** A byte-level token has one character a byte; an added token stands as it is. */
function byteCount(token: string, added: ReadonlySet<string>): number {
  return added.has(token) ? new TextEncoder().encode(token).length : [...token].length;
}

/** Characters with ▁ for spaces; the ▁ put before the text counts as part of its first character. Bytes by fallback. */
function characterUnits(text: string, prefix: boolean): Unit[] {
  const units: Unit[] = [...text].map((character, i) => ({
    text: character === " " ? "▁" : character,
    start: i,
    end: i + 1,
  }));
  return prefix && units.length > 0 ? [{ text: "▁", start: 0, end: 1 }, ...units] : units;
}

function characterCount(token: string, units: Unit[], at: number, added: ReadonlySet<string>): number {
  if (
    isByteToken(token) &&
    units
      .slice(at, at + token.length)
      .map(({ text }) => text)
      .join("") !== token
  ) {
    spellOut(units, at);
    return 1;
  }
  const bare = added.has(token) && units[at]?.text === "▁" && !token.startsWith("▁");
  return [...token].length + (bare ? 1 : 0);
}

/** Replaces a character by its bytes, all of the same place. */
function spellOut(units: Unit[], at: number): void {
  const unit = units[at];
  if (!unit || unit.text === "") return;
  const count = new TextEncoder().encode(unit.text).length;
  units.splice(at, 1, ...Array.from({ length: count }, () => ({ ...unit, text: "" })));
}

/** Leaves white space at either end out, as the post-processor of GPT-2 is set to in many checkpoints. */
function trimmed([start, end]: Offset, covered: readonly Unit[]): Offset {
  const blank = covered.map(({ text }) => /\s/u.test(text));
  const first = blank.indexOf(false);
  if (first < 0) return [end, end];
  return [covered[first]?.start ?? start, covered[blank.lastIndexOf(false)]?.end ?? end];
}
