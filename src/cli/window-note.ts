import type { GenerateOptions, GenerateResult } from "../inference/index.ts";
import type { Terminal } from "./terminal.ts";

/** Says on standard error, once, that the context window held fewer new tokens than were asked for. */
export function noteWindow(
  { sequences }: Pick<GenerateResult, "sequences">,
  { maxNewTokens, maxLength }: Pick<GenerateOptions, "maxNewTokens" | "maxLength">,
  terminal: Terminal,
): void {
  const isAsked = maxNewTokens !== undefined || maxLength !== undefined;
  const cut = sequences.find(
    (each) => each.newTokensThatFit !== undefined && (isAsked || each.finishReason === "length"),
  );
  if (!cut) return;
  const wanted = maxNewTokens ?? maxLength;
  const than = wanted === undefined ? "fewer than the checkpoint's generation_config.json asks for" : `not ${wanted}`;
  terminal.stderr.write(`lectern: only ${cut.newTokensThatFit} new tokens fit in the context window, ${than}\n`);
}
