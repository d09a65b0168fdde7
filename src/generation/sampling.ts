import { check } from "../common/index.ts";
import { settleLengths } from "./lengths.ts";
import type { GenerationOptions } from "./options.ts";

/** The options that only drawing uses, and the values at which they change nothing. */
const drawing = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  topH: undefined,
  typicalP: 1,
  epsilonCutoff: 0,
  etaCutoff: 0,
} as const satisfies Partial<Record<keyof GenerationOptions, number | undefined>>;

type DrawingOption = keyof typeof drawing;

export const drawingOptions = Object.keys(drawing) as readonly DrawingOption[];

/** The options of a call that ask for drawing without saying so: not neutral values, nor a contrastive search's topK. */
function askForDrawing(options: GenerationOptions, penaltyAlpha = options.penaltyAlpha): DrawingOption[] {
  return drawingOptions.filter((name) => {
    const value = options[name];
    if (name === "topK" && penaltyAlpha) return false;
    return value !== undefined && value !== drawing[name] && !(name === "temperature" && value === 0);
  });
}

/** Refuses options of a call that ask for drawing beside one that rules it out. */
export function checkSampling(options: GenerationOptions): void {
  const [name] = askForDrawing(options);
  check(
    name === undefined || options.doSample !== false,
    "usage",
    () => `generation: ${name} draws tokens and doSample: false does not: leave one of them out`,
  );
  check(
    name === undefined || !options.penaltyAlpha,
    "usage",
    () => `generation: ${name} draws tokens and penaltyAlpha, a contrastive search, does not: leave one of them out`,
  );
}

/**
 * The options of a call over those of the checkpoint, and whether tokens are drawn. An option of the call that only
 * drawing uses asks for it; the checkpoint's own need its `do_sample`, as in transformers. A temperature of 0 takes the
 * most probable token. A search that the options ask for goes before the checkpoint's `do_sample`.
 */
export function settleOptions(options: GenerationOptions, checkpoint: GenerationOptions): GenerationOptions {
  const merged = settleLengths({ ...checkpoint, ...options });
  const { temperature, ...rest } = merged;
  const doSample = draws(options, merged);
  return { ...rest, ...(temperature !== undefined && temperature !== 0 && { temperature }), doSample };
}

function draws(options: GenerationOptions, merged: GenerationOptions): boolean {
  if (options.temperature === 0) return false;
  if (options.doSample !== undefined) return options.doSample;
  if (askForDrawing(options, merged.penaltyAlpha).length > 0) return true;
  const isSearch = merged.penaltyAlpha || merged.forceWordsIds !== undefined || (merged.numBeamGroups ?? 1) > 1;
  return !isSearch && merged.temperature !== 0 && (merged.doSample ?? false);
}
