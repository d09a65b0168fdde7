import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { check, isObject, LecternError } from "../common/index.ts";
import { writeFileAtomic } from "../files/node.ts";
import { EVIDENCE_FOLDER, type Project, type Setup } from "./file.ts";
import type { Inputs } from "./inputs.ts";
import type { Quality } from "./measure/quality.ts";

/** The setup that later ones are compared with, and its result on each item. It is committed with the project. */
export interface Baseline {
  readonly setup: Setup;
  /** The time of the measurement, in ISO 8601. */
  readonly at: string;
  /** The inputs of its quality, by hash. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly quality: Quality;
}

/** The path of a project's baseline. */
export const baselinePath = ({ root }: Pick<Project, "root">): string => join(root, EVIDENCE_FOLDER, "baseline.json");

/** Reads the baseline; undefined where none was recorded. @throws where the file is damaged: a lost baseline would hide a regression */
export function readBaseline(project: Project): Baseline | undefined {
  const path = baselinePath(project);
  if (!existsSync(path)) return undefined;
  const remedy = "restore it from version control, or record a new one by lectern project check --update-baseline";
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new LecternError("file", `${path} is damaged: ${(cause as Error).message}; ${remedy}`, { cause });
  }
  check(
    isObject(value) && isObject(value.setup) && isObject(value.quality) && isObject(value.inputs),
    "file",
    () => `${path} is damaged: expected setup, inputs and quality; ${remedy}`,
  );
  return value as unknown as Baseline;
}

/** Records a setup's quality as the baseline. */
export async function writeBaseline(project: Project, setup: Setup, inputs: Inputs, quality: Quality): Promise<void> {
  const baseline: Baseline = { setup, at: new Date().toISOString(), inputs, quality };
  await writeFileAtomic(baselinePath(project), `${JSON.stringify(baseline)}\n`);
}
