import { characterOfByte, check, LecternError, ownEntry } from "../common/index.ts";
import { flagOf, isId, isPart, type Part, partsOf, typed } from "./json.ts";
import { isWhiteSpace } from "./regex/index.ts";
import { joinRows, type Row } from "./truncation.ts";

/** Puts a template's tokens around one text or two. */
export interface PostProcessor {
  /** The number of tokens that it adds. */
  added(isPair: boolean): number;
  /** Narrows offsets and sets type ids; where `adds` is true, also adds the template's tokens. Rows may be parts. */
  process(rows: readonly Row[], adds: boolean, tokenAt: TokenAt): readonly Row[];
}

/** The written form of a token of a row. */
export type TokenAt = (row: Row, index: number) => string;

/** The post-processor that a `tokenizer.json` describes; without one texts are put one after the other. */
export function createPostProcessor(json: unknown): PostProcessor {
  if (json === null || json === undefined) return plain;
  const part = typed(json, "tokenizer.json: post_processor");
  const create = ownEntry(kinds, part.type);
  if (!create)
    throw new LecternError(
      "unsupported",
      `tokenizer.json: post_processor ${part.type} is not known; known: ${Object.keys(kinds).join(", ")}`,
    );
  return create(part);
}

const kinds: Readonly<Record<string, (part: Part) => PostProcessor>> = {
  Sequence: sequence,
  ByteLevel: (part) => {
    const trim = trimmer(part);
    return { added: () => 0, process: (rows, _, tokenAt) => rows.map((row) => trim(row, tokenAt)) };
  },
  TemplateProcessing: (part) => template(readTemplate(part)),
  BertProcessing: (part) => template(around(part, [0, 1], false)),
  RobertaProcessing: roberta,
};

const plain: PostProcessor = { added: () => 0, process: (rows) => rows };

function sequence(part: Part): PostProcessor {
  const steps = partsOf(part, "processors").map(createPostProcessor);
  return {
    added: (isPair) => steps.reduce((sum, step) => sum + step.added(isPair), 0),
    process: (rows, adds, tokenAt) => steps.reduce((done, step) => step.process(done, adds, tokenAt), rows),
  };
}

function roberta(part: Part): PostProcessor {
  const trim = trimmer(part);
  const joined = template(around(part, [0, 0], true));
  return {
    added: joined.added,
    process: (rows, adds, tokenAt) =>
      joined.process(
        rows.map((row) => trim(row, tokenAt)),
        adds,
        tokenAt,
      ),
  };
}

/** Leaves the white space at either end of a token out of its offsets. */
function trimmer(part: Part): (row: Row, tokenAt: TokenAt) => Row {
  if (!flagOf(part, "trim_offsets", true)) return (row) => row;
  const addsSpace = flagOf(part, "add_prefix_space", true);
  const isBlank = (character: string): boolean => character === characterOfByte[32] || isWhiteSpace(character);
  const trim = (row: Row, tokenAt: TokenAt): Row => {
    const offsets = row.offsets?.map(([start, end], i): [number, number] => {
      const characters = [...tokenAt(row, i)];
      const filled = characters.map((character) => !isBlank(character));
      const first = filled.indexOf(true);
      let leading = first < 0 ? characters.length : first;
      const trailing = first < 0 ? characters.length : characters.length - 1 - filled.lastIndexOf(true);
      if (leading === 1 && addsSpace && (i === 0 || start === 0)) leading = 0;
      const from = leading > 0 ? Math.min(start + leading, end) : start;
      return [from, trailing > 0 && end >= trailing ? Math.max(end - trailing, from) : end];
    });
    const overflowing = row.overflowing?.map((other) => trim(other, tokenAt));
    return { ...row, ...(offsets && { offsets }), ...(overflowing && { overflowing }) };
  };
  return trim;
}

/** A template's entry: one of the texts, or tokens of its own. */
type Entry = { readonly text: 0 | 1; readonly typeId: number } | { readonly ids: number[]; readonly typeId: number };

interface Template {
  readonly single: readonly Entry[];
  readonly pair: readonly Entry[];
}

function template({ single, pair }: Template): PostProcessor {
  const added = (entries: readonly Entry[]): number =>
    entries.reduce((sum, entry) => sum + ("ids" in entry ? entry.ids.length : 0), 0);
  return {
    added: (isPair) => added(isPair ? pair : single),
    process: (rows, adds) =>
      (rows.length > 1 ? pair : single).flatMap((entry): Row[] => {
        if ("text" in entry) return rows[entry.text] ? [ofType(rows[entry.text] as Row, entry.typeId)] : [];
        return adds ? [ownTokens(entry.ids, entry.typeId, rows[0]?.offsets !== undefined)] : [];
      }),
  };
}

function ofType(row: Row, typeId: number): Row {
  const overflowing = row.overflowing?.map((other) => ofType(other, typeId));
  return { ...row, typeIds: row.ids.map(() => typeId), ...(overflowing && { overflowing }) };
}

function ownTokens(ids: readonly number[], typeId: number, tracked: boolean): Row {
  return {
    ids: [...ids],
    typeIds: ids.map(() => typeId),
    special: ids.map(() => 1),
    ...(tracked && { offsets: ids.map((): [number, number] => [0, 0]) }),
  };
}

/** The templates of BERT and RoBERTa, which have types of their own. */
function around(part: Part, [first, second]: readonly [number, number], doubled: boolean): Template {
  const [cls, sep] = [tokenId(part, "cls"), tokenId(part, "sep")];
  const single: Entry[] = [
    { ids: [cls], typeId: first },
    { text: 0, typeId: first },
    { ids: [sep], typeId: first },
  ];
  const between: Entry[] = doubled ? [{ ids: [sep], typeId: second }] : [];
  return { single, pair: [...single, ...between, { text: 1, typeId: second }, { ids: [sep], typeId: second }] };
}

function tokenId(part: Part, key: string): number {
  const value = part[key];
  const id: unknown = Array.isArray(value) ? value[1] : undefined;
  check(isId(id), "file", () => `${part.type}: ${key} must be a token and its id; got ${JSON.stringify(value)}`);
  return id;
}

function readTemplate(part: Part): Template {
  const tokens = isPart(part.special_tokens) ? part.special_tokens : {};
  const entry = (piece: unknown): Entry => {
    const { Sequence: text, SpecialToken: token } = isPart(piece) ? piece : {};
    if (isPart(text) && (text.id === "A" || text.id === "B"))
      return { text: text.id === "A" ? 0 : 1, typeId: Number(text.type_id ?? 0) };
    const own = isPart(token) && typeof token.id === "string" ? tokens[token.id] : undefined;
    check(
      isPart(token) && isPart(own) && Array.isArray(own.ids) && own.ids.every(isId),
      "file",
      () => `TemplateProcessing: ${JSON.stringify(piece)} is no text and has no ids among special_tokens`,
    );
    return { ids: own.ids as number[], typeId: Number(token.type_id ?? 0) };
  };
  return { single: partsOf(part, "single").map(entry), pair: partsOf(part, "pair").map(entry) };
}

/** The final row of a text or a pair. */
export function finishRows(processor: PostProcessor, rows: readonly Row[], adds: boolean, tokenAt: TokenAt): Row {
  const typed = rows.map((row, i) => ofType(row, i));
  const parts = processor.process(typed, adds, tokenAt);
  return joinRows(parts.map(withMask), rows[0]?.offsets !== undefined);
}

function withMask(row: Row): Row {
  const overflowing = row.overflowing?.map(withMask);
  const special = row.special.length === row.ids.length ? row.special : row.ids.map(() => 0);
  return { ...row, special, ...(overflowing && { overflowing }) };
}
