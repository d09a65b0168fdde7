import type { OnnxBody } from "../graph/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";

/** A weight's bytes in a file: an absolute path or a URL, a byte offset, and what lies there. */
export interface WeightLocation {
  readonly file: string;
  readonly offset: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type OnnxInitializer =
  | { readonly name: string; readonly tensor: HostTensor }
  | { readonly name: string; readonly external: WeightLocation };

/** A lowered graph as plain data; `runtime/` turns it into ONNX bytes. */
export interface OnnxGraph extends OnnxBody {
  readonly initializers: readonly OnnxInitializer[];
}
