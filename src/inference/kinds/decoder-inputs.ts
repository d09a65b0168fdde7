import { LecternError } from "../../common/index.ts";
import type { EncoderDecoderConfig } from "../../families/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { ForwardInputs } from "../forward.ts";

/** The settings by which a decoder's input follows from labels, or from what its encoder reads. */
export type LabelShift = Pick<
  EncoderDecoderConfig,
  "decoderStartTokenId" | "padTokenId" | "withoutDecoderInput" | "labelShift" | "head"
>;

/** The decoder's input: as given, else the labels or the encoder's input shifted right, else the start token. */
export function decoderRows(config: LabelShift, { inputIds, decoderInputIds, labels }: ForwardInputs): number[][] {
  if (decoderInputIds) return decoderInputIds.map((row) => [...row]);
  const isText = config.head.kind === "lm" && labels !== undefined;
  if (!isText && config.withoutDecoderInput === "start-token")
    return inputIds.map(() => [known(config.decoderStartTokenId, "decoder_start_token_id")]);
  const rows = (isText ? labels : inputIds) as readonly (readonly number[])[];
  return rows.map((row) => {
    const ids = row.map((id) => (id === IGNORED_LABEL ? known(config.padTokenId, "pad_token_id") : id));
    // The last label, found as the reference finds it: where it lies if padding is behind it.
    const last = ids[ids.filter((id) => id !== config.padTokenId).length - 1];
    const first = (config.labelShift === "last-label" ? last : undefined) ?? config.decoderStartTokenId;
    return [known(first, "decoder_start_token_id"), ...ids.slice(0, -1)];
  });
}

/** The length of the decoder's input. */
export function decoderWidth(config: LabelShift, { inputIds, decoderInputIds, labels }: ForwardInputs): number {
  if (decoderInputIds) return decoderInputIds[0]?.length ?? 0;
  const target = config.head.kind === "lm" ? labels?.[0] : undefined;
  if (Array.isArray(target)) return target.length;
  return config.withoutDecoderInput === "start-token" ? 1 : (inputIds[0]?.length ?? 0);
}

/** A token that the decoder's input needs. */
function known(id: number | undefined, key: string): number {
  if (id !== undefined) return id;
  throw new LecternError(
    "config",
    `forward: the decoder's input needs ${key}; got none in config.json; give decoderInputIds`,
  );
}
