import { firstCases, type GgufCase } from "./gguf-cases.ts";
import { decoderCases } from "./gguf-decoder-cases.ts";
import { encoderCases } from "./gguf-encoder-cases.ts";
import { mixedCases } from "./gguf-mixed-cases.ts";
import { stateCases } from "./gguf-state-cases.ts";

/** Every model that is written as llama.cpp's converter writes it, by the name of the architecture. */
export const ggufCases: Readonly<Record<string, GgufCase>> = {
  ...firstCases,
  ...decoderCases,
  ...stateCases,
  ...mixedCases,
  ...encoderCases,
};
