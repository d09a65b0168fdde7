import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, LecternError } from "../common/index.ts";
import { hashOf } from "../evaluation/node.ts";
import { withOnlyLock } from "../files/index.ts";
import { makeDirectory, removeDeadParts, writeFileAtomic } from "../files/node.ts";
import { EVIDENCE_FOLDER, type Project } from "./file.ts";
import { changedInputs, type EvidenceKind, type InputName, type Inputs, inputsFor } from "./inputs.ts";

/** A measurement, with the content of everything that it depends on. */
export interface Evidence<Result = unknown> {
  readonly kind: EvidenceKind;
  /** The measured setup, in words. */
  readonly subject: string;
  /** The model's name, by which evidence of other settings of it is found. */
  readonly model: string;
  /** The time of the measurement, in ISO 8601. */
  readonly at: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly result: Result;
}

/** Evidence of a kind, as far as there is any. */
export type Found<Result> =
  | { readonly state: "fresh"; readonly evidence: Evidence<Result> }
  | { readonly state: "stale"; readonly evidence: Evidence<Result>; readonly changed: readonly InputName[] }
  | { readonly state: "missing" };

/** The evidence of a project: a file for each measurement, named by its kind and the hash of its inputs. */
export class EvidenceStore {
  readonly #folder: string;
  readonly #warn: (message: string) => void;

  /** @param warn is told of damaged files, which count as missing */
  constructor(project: Project, warn: (message: string) => void = () => {}) {
    this.#folder = join(project.root, EVIDENCE_FOLDER, "evidence");
    this.#warn = warn;
  }

  /** Evidence that is fresh; else that of the same model of which the fewest inputs changed since, the newest among equals. */
  find<Result>(kind: EvidenceKind, model: string, inputs: Inputs): Found<Result> {
    const own = this.#read<Result>(this.#path(kind, inputs));
    if (own) return { state: "fresh", evidence: own };
    const others = this.all<Result>(kind)
      .filter((evidence) => evidence.model === model)
      .map((evidence) => ({ evidence, changed: changedInputs(kind, evidence.inputs, inputs) }));
    const [nearest] = others.sort(
      (a, b) => a.changed.length - b.changed.length || b.evidence.at.localeCompare(a.evidence.at),
    );
    return nearest ? { state: "stale", ...nearest } : { state: "missing" };
  }

  /** All evidence of a kind. */
  all<Result>(kind: EvidenceKind): Evidence<Result>[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".json"))
      .flatMap((name) => this.#read<Result>(join(this.#folder, name)) ?? []);
  }

  /** Records evidence: whole or not at all. */
  async add<Result>(
    kind: EvidenceKind,
    inputs: Inputs,
    about: Pick<Evidence<Result>, "subject" | "model" | "result">,
  ): Promise<Evidence<Result>> {
    const { result, ...rest } = about;
    const evidence = { kind, ...rest, at: new Date().toISOString(), inputs: inputsFor(kind, inputs), result };
    await makeDirectory(this.#folder);
    await writeFileAtomic(this.#path(kind, inputs), `${JSON.stringify(evidence)}\n`);
    return evidence;
  }

  #path(kind: EvidenceKind, inputs: Inputs): string {
    return join(this.#folder, `${kind}-${hashOf(inputsFor(kind, inputs)).slice(0, 16)}.json`);
  }

  #read<Result>(path: string): Evidence<Result> | undefined {
    if (!existsSync(path)) return undefined;
    const evidence = parsed(path);
    if (!isEvidence(evidence)) {
      this.#warn(`${path} is damaged: it counts as missing, and is measured again when it is needed`);
      return undefined;
    }
    return evidence as Evidence<Result>;
  }
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // half-written or not JSON
  }
}

function isEvidence(value: unknown): value is Evidence {
  return (
    isObject(value) &&
    typeof value.kind === "string" &&
    typeof value.model === "string" &&
    typeof value.at === "string" &&
    isObject(value.inputs) &&
    isObject(value.result)
  );
}

/** Version control holds the baseline; the rest is measured again where it is missing. */
const IGNORED = "*\n!baseline.json\n";

/** Does something with the evidence of a project unless another process is at it. */
export async function withProjectLock<T>(project: Project, work: () => Promise<T>): Promise<T> {
  const folder = join(project.root, EVIDENCE_FOLDER);
  await makeDirectory(folder);
  const refusal = (pid: number | undefined): LecternError =>
    new LecternError(
      "file",
      `${folder}: process ${pid ?? "?"} is measuring this project; wait for it, or end it and try again`,
    );
  return withOnlyLock(join(folder, "project.lock"), refusal, async () => {
    await removeDeadParts(folder);
    const ignored = join(folder, ".gitignore");
    if (!existsSync(ignored)) await writeFileAtomic(ignored, IGNORED);
    return work();
  });
}
