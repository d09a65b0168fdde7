import type { LensPrediction } from "../../src/explain/index.ts";
import type { StudioModel } from "../../src/studio/describe.ts";
import type { StudioGeneration } from "../../src/studio/generation.ts";
import type { StudioTrace } from "../../src/studio/trace.ts";
import { entries } from "./engine.ts";
import { picture } from "./results.ts";
import { DEFAULT_TEXT, defaultOptions, modelName, options, text, view } from "./state.ts";

/** A matrix in bytes: each value is its byte times the scale. */
interface PackedMatrix {
  readonly shape: readonly number[];
  readonly bytes: string;
  readonly scale: number;
}

/** The recorded picture of the first text, for the time until the engine has loaded. */
interface Frame {
  readonly facts: StudioModel;
  readonly generation: StudioGeneration;
  readonly trace: Omit<StudioTrace, "attentions" | "embeddings" | "norms" | "lens">;
  readonly attentions: readonly PackedMatrix[];
  readonly embeddings: PackedMatrix;
  readonly lens: readonly LensPrediction[];
}

function unpack({ shape, bytes, scale }: PackedMatrix) {
  const signed = Int8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  return { shape, data: Float32Array.from(signed, (byte) => byte * scale) };
}

/** The recorded model. */
const NAME = "stories";

/** Shows the recorded picture, where the page opens on what was recorded. A page without one goes on without. */
export async function showFrame(): Promise<void> {
  const isDefault = text.value === DEFAULT_TEXT && options.value === defaultOptions && view.value === "picture";
  if (!isDefault || !["", NAME].includes(modelName.value)) return;
  if (entries.value.find(({ name }) => name === NAME)?.url === undefined) return; // a server that runs models has no recorded picture
  const response = await fetch("frame.json").catch(() => undefined);
  if (!response?.ok) return;
  const frame = (await response.json()) as Frame;
  if (picture.value) return;
  const { facts, generation, lens } = frame;
  const trace = {
    ...frame.trace,
    attentions: frame.attentions.map(unpack),
    embeddings: unpack(frame.embeddings),
    norms: null,
    lens,
  };
  const at = generation.inputIds.length - 1;
  picture.value = { model: NAME, text: DEFAULT_TEXT, facts, generation, trace, lens: new Map([[at, lens]]) };
}
