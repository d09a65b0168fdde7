import { cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { LecternError } from "../common/index.ts";
import { quantizeModel } from "../inference/node.ts";
import { mergeAdapter } from "../training/index.ts";

/** The model of a deployment. */
export interface DeployedModel {
  /** A directory or a GGUF file on this machine. */
  readonly location: string;
  /** A directory with a LoRA adapter that is merged into the model. */
  readonly adapter?: string | undefined;
  /** float32: as it is stored; int8, int4: written in few bits; auto: chosen when it is loaded. */
  readonly precision: "float32" | "int8" | "int4" | "auto";
  readonly signal?: AbortSignal | undefined;
}

/** Folders of training, and files of other programs. */
const LEFT_OUT = /^(\..*|checkpoint.*|.*\.(bin|pt|pth|ckpt|h5|msgpack|onnx|lock))$/;

/** Writes the model into a folder: merged, in its precision. Returns its path there, and the precision that loading needs. */
export async function copyModel(
  out: string,
  { location, adapter, precision, signal }: DeployedModel,
): Promise<{ readonly path: string; readonly precision?: string | undefined }> {
  const target = join(out, "model");
  await rm(target, { recursive: true, force: true });
  if ((await stat(location)).isFile()) {
    if (adapter !== undefined)
      throw new LecternError("unsupported", "deploy: an adapter of a GGUF file cannot be merged: deploy its directory");
    await mkdir(target, { recursive: true });
    await cp(location, join(target, basename(location)), { dereference: true });
    return { path: `model/${basename(location)}`, precision: precision === "float32" ? undefined : precision };
  }
  const merged = join(out, ".merged");
  try {
    if (adapter !== undefined) await mergeAdapter(location, adapter, merged);
    const source = adapter === undefined ? location : merged;
    if (precision === "float32" || precision === "auto") await copyDirectory(source, target);
    else {
      const calibration = false; // what is deployed is what was measured: a model that was quantized when it was loaded
      await quantizeModel(source, { precision, out: target, calibration, measure: false, signal });
    }
  } finally {
    await rm(merged, { recursive: true, force: true });
  }
  return { path: "model", precision: precision === "auto" ? precision : undefined };
}

async function copyDirectory(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from))
    if (!LEFT_OUT.test(name)) await cp(join(from, name), join(to, name), { recursive: true, dereference: true });
}
