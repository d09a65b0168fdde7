import { LecternError } from "../common/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { QuantizedMatrix } from "./quantized/matrix.ts";
import type { Checkpoint, StoredTensor } from "./tensor-files.ts";

/**
 * Names that parameters had, and have now: what transformers 5 renames while it loads any model (the "legacy" table of
 * its conversion_mapping.py). A family's own prefix, missing or superfluous, is no matter of names: see `Weights`.
 */
export const renamings: readonly { readonly old: RegExp; readonly now: string }[] = [
  { old: /LayerNorm\.gamma/, now: "LayerNorm.weight" },
  { old: /LayerNorm\.beta/, now: "LayerNorm.bias" },
  { old: /\.weight_g/, now: ".parametrizations.weight.original0" },
  { old: /\.weight_v/, now: ".parametrizations.weight.original1" },
];

/** The name that a parameter has today. */
export function currentName(name: string): string {
  return renamings.reduce((name, { old, now }) => name.replace(old, now), name);
}

/** A checkpoint whose parameters go by the names of today; the same one where it has no old ones. */
export function withCurrentNames(checkpoint: Checkpoint, location: string): Checkpoint {
  const stored = new Map<string, string>();
  for (const name of checkpoint.names()) {
    const now = currentName(name);
    const other = stored.get(now);
    if (other !== undefined)
      throw new LecternError(
        "file",
        `${location}: ${other} and ${name} are two names of one parameter, ${now}; remove one of the tensors`,
      );
    stored.set(now, name);
  }
  const isCurrent = [...stored].every(([now, name]) => now === name);
  return isCurrent ? checkpoint : new RenamedCheckpoint(checkpoint, stored);
}

/** A checkpoint in which one tensor goes by another name. */
export function withRenamed(checkpoint: Checkpoint, from: string, to: string): Checkpoint {
  const names = checkpoint.names().map((name) => [name === from ? to : name, name] as const);
  return new RenamedCheckpoint(checkpoint, new Map(names));
}

/** A checkpoint without some of its tensors. */
export function withoutTensors(checkpoint: Checkpoint, left: RegExp): Checkpoint {
  const names = checkpoint.names().filter((name) => !left.test(name));
  return new RenamedCheckpoint(checkpoint, new Map(names.map((name) => [name, name])));
}

class RenamedCheckpoint implements Checkpoint {
  readonly #checkpoint: Checkpoint;
  readonly #stored: ReadonlyMap<string, string>;

  constructor(checkpoint: Checkpoint, stored: ReadonlyMap<string, string>) {
    this.#checkpoint = checkpoint;
    this.#stored = stored;
  }

  names(): string[] {
    return [...this.#stored.keys()];
  }

  has(name: string): boolean {
    return this.#stored.has(name);
  }

  info(name: string): StoredTensor {
    return this.#checkpoint.info(this.#own(name));
  }

  read(name: string): Promise<HostTensor> {
    return this.#checkpoint.read(this.#own(name));
  }

  readRows(name: string, from: number, to: number): Promise<Float32Array> {
    return this.#checkpoint.readRows(this.#own(name), from, to);
  }

  quantized(name: string): QuantizedMatrix | undefined {
    return this.#checkpoint.quantized(this.#own(name));
  }

  async expand(names?: ReadonlySet<string>): Promise<Checkpoint> {
    const own = names && new Set([...names].map((name) => this.#own(name)));
    return new RenamedCheckpoint(await this.#checkpoint.expand(own), this.#stored);
  }

  #own(name: string): string {
    return this.#stored.get(name) ?? name;
  }
}
