import { check, isListOf, isObject, isTokenIds, LecternError, shown, unknownField } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import { IGNORED_LABEL } from "../graph/index.ts";
import type { ForwardInputs, ForwardOptions } from "./forward.ts";
import { type ForwardRuntime, runtimeOf } from "./kinds/index.ts";

type Rows = readonly (readonly number[])[];

const inputNames: Readonly<Record<keyof ForwardInputs, true>> = {
  inputIds: true,
  attentionMask: true,
  tokenTypeIds: true,
  texts: true,
  globalAttentionMask: true,
  decoderInputIds: true,
  labels: true,
  startPositions: true,
  endPositions: true,
};

const isWholes = (row: unknown): boolean => isListOf(row, Number.isSafeInteger);

/** Refuses inputs that are not rows of whole numbers, whatever the model. */
export function checkForwardInputs(inputs: ForwardInputs): void {
  check(
    isObject(inputs),
    "usage",
    () => `forward: the inputs must be an object, as { inputIds }; got ${shown(inputs)}`,
  );
  for (const name of Object.keys(inputs))
    if (!Object.hasOwn(inputNames, name)) {
      if (name === "text" || name === "prompt")
        throw new LecternError(
          "usage",
          `forward: there is no input ${name}; give inputIds: [model.tokenizer.encode(text).ids]`,
        );
      throw unknownField("forward", name, Object.keys(inputNames), "input");
    }
  const { inputIds, labels, startPositions, endPositions, ...matrices } = inputs;
  check(
    isListOf(inputIds, isTokenIds) && inputIds.length > 0,
    "usage",
    () => `forward: inputIds must be rows of token ids, as [[5, 6, 7]]; got ${shown(inputIds)}`,
  );
  for (const [name, rows] of Object.entries({ inputIds, ...matrices })) {
    if (rows === undefined) continue;
    const width = Array.isArray(rows) ? rows[0]?.length : undefined;
    check(
      isListOf(rows, isWholes),
      "usage",
      () => `forward: ${name} must be rows of whole numbers; got ${shown(rows)}`,
    );
    check(
      rows.length === inputIds.length && rows.every((row) => row.length === width),
      "shape",
      () =>
        `forward: ${name} must be ${inputIds.length} rows of one length; got lengths ${rows.map((row) => row.length).join(", ")}; pad them and give attentionMask`,
    );
  }
  checkTargets(inputs);
}

/** Labels and positions, before it is known what the model takes. */
function checkTargets({ inputIds, labels, startPositions, endPositions }: ForwardInputs): void {
  const isVector = (row: unknown): boolean => isListOf(row, Number.isFinite);
  const rows = labels as unknown;
  check(
    rows === undefined ||
      (Array.isArray(rows) && (isVector(rows) || (rows.every(isVector) && isRectangle(rows as number[][])))),
    "usage",
    () => `forward: labels must be numbers, or rows of numbers of one length; got ${shown(labels)}`,
  );
  check(
    labels === undefined || labels.length === inputIds.length,
    "shape",
    () => `forward: labels must be one for each row of inputIds, ${inputIds.length}; got ${labels?.length}`,
  );
  check(
    (startPositions === undefined) === (endPositions === undefined),
    "usage",
    () => "forward: startPositions and endPositions go together; got one of them",
  );
  for (const [name, positions] of Object.entries({ startPositions, endPositions }))
    check(
      positions === undefined || (isWholes(positions) && positions.length === inputIds.length),
      "shape",
      () => `forward: ${name} must be ${inputIds.length} whole numbers; got ${shown(positions)}`,
    );
}

function isRectangle(rows: Rows): boolean {
  return rows.every((row) => row.length === rows[0]?.length);
}

/** Refuses what this model cannot take, or cannot show. */
export function checkForward(inputs: ForwardInputs, options: ForwardOptions, architecture: Architecture): void {
  const { inputIds, decoderInputIds = [], attentionMask, globalAttentionMask, tokenTypeIds, texts, labels } = inputs;
  const { config, family } = architecture;
  const { head, isEncoderDecoder, forward } = runtimeOf(architecture);
  const width = inputIds[0]?.length ?? 0;
  const { vocabSize, sourceVocabSize = vocabSize } = config;
  check(width > 0, "input", () => "forward: there is no token to compute");
  checkLengths(inputs, architecture);
  check(
    decoderInputIds.length === 0 || isEncoderDecoder,
    "usage",
    () =>
      `forward: decoderInputIds are for an encoder–decoder; ${family.name} has no decoder of its own: leave them out`,
  );
  checkIds(inputIds, sourceVocabSize);
  checkIds(decoderInputIds, vocabSize);
  const isWords = head.kind === "lm";
  const isAligned = isWords && !isEncoderDecoder; // one label for each token of inputIds
  if (isWords && Array.isArray(labels?.[0]))
    checkIds(
      (labels as Rows).map((row) => row.filter((id) => id !== IGNORED_LABEL)),
      vocabSize,
    );
  check(
    !globalAttentionMask || config.takesGlobalTokens === true,
    "usage",
    () =>
      `forward: globalAttentionMask is for attention in windows, as of Longformer; ${family.name} has none: leave it out`,
  );
  const matrices = {
    attentionMask,
    globalAttentionMask,
    tokenTypeIds,
    texts,
    ...(Array.isArray(labels?.[0]) && isAligned && { labels }),
  };
  for (const [name, rows] of Object.entries(matrices) as [string, Rows | undefined][])
    check(
      rows === undefined || (rows.length === inputIds.length && rows.every((row) => row.length === width)),
      "shape",
      () => `forward: ${name} must have the shape of inputIds, [${inputIds.length}, ${width}]`,
    );
  const isMask = (rows: Rows = []): boolean => rows.every((row) => row.every((bit) => bit === 0 || bit === 1));
  check(isMask(attentionMask), "usage", () => "forward: attentionMask must hold 1 for a token and 0 for padding");
  check(
    isMask(globalAttentionMask),
    "usage",
    () => "forward: globalAttentionMask must hold 1 for a token that sees the whole text and 0 for the others",
  );
  checkShown(options, forward.lacks, family.name);
}

/** Refuses more tokens than the model has positions for; a decoder beside an encoder may have others. */
function checkLengths(inputs: ForwardInputs, architecture: Architecture): void {
  const { maxPositionEmbeddings, sourcePositions = maxPositionEmbeddings } = architecture.config;
  const within = (width: number, window: number, of = ""): void =>
    check(
      width <= window,
      "input",
      () => `forward: ${width} tokens, but the ${of}context window has ${window}: ${width - window} too many`,
    );
  within(inputs.inputIds[0]?.length ?? 0, sourcePositions);
  within(runtimeOf(architecture).forward.decoderWidth(inputs), maxPositionEmbeddings, "decoder's ");
}

/** Refuses by name the activations that a model does not have. */
function checkShown(asked: ForwardOptions, lacks: ForwardRuntime["lacks"], name: string): void {
  for (const option of ["attentions", "hiddenStates"] as const)
    if (asked[option] && lacks[option] !== undefined)
      throw new LecternError("unsupported", `forward: ${option}: a ${name} has no ${lacks[option]}; leave it out`);
}

function checkIds(rows: Rows, size: number): void {
  const outside = rows.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  check(outside === undefined, "input", () => `token id ${outside} is outside the vocabulary of ${size}`);
}
