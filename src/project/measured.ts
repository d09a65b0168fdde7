import { throwIfAborted } from "../common/index.ts";
import { type Overlap, overlaps, readRows, testRows } from "./data.ts";
import type { Project, Setup } from "./file.ts";
import { type EvidenceKind, type Inputs, inputsOf } from "./inputs.ts";
import { locateSetup, setupName } from "./located.ts";
import { type Facts, readFacts } from "./measure/facts.ts";
import { type MeasureOptions, measureQuality, type Quality } from "./measure/quality.ts";
import { measureSpeed, type Speed } from "./measure/speed.ts";
import { EvidenceStore } from "./store.ts";
import { kindOf, promptOf } from "./task.ts";

/** Evidence of one setup: what is fresh is read, what is stale or missing is measured. */
export class Measurements {
  readonly #project: Project;
  readonly #store: EvidenceStore;
  readonly #options: MeasureOptions;
  readonly #inputs = new Map<string, Inputs>();
  /** The measurements that were made, in words. */
  readonly made: string[] = [];

  constructor(project: Project, options: MeasureOptions = {}) {
    this.#project = project;
    this.#options = options;
    this.#store = new EvidenceStore(project, options.onWarning);
  }

  /** The inputs of a setup as they are now. */
  async inputs(setup: Setup): Promise<Inputs> {
    const key = JSON.stringify(setup);
    const known = this.#inputs.get(key);
    if (known) return known;
    const found = await inputsOf(this.#project, setup, await locateSetup(this.#project, setup, this.#options));
    this.#inputs.set(key, found);
    return found;
  }

  quality(setup: Setup): Promise<Quality> {
    return this.#measured("quality", setup, () => measureQuality(this.#project, setup, this.#options));
  }

  speed(setup: Setup): Promise<Speed> {
    return this.#measured("speed", setup, () => measureSpeed(this.#project, setup, this.#options));
  }

  facts(setup: Setup): Promise<Facts> {
    return this.#measured("facts", setup, async () =>
      readFacts(await locateSetup(this.#project, setup, this.#options)),
    );
  }

  /** Test items that stand in the training data; none without training data. */
  async overlap(setup: Setup): Promise<readonly Overlap[]> {
    const { train } = this.#project.file;
    const kind = kindOf(this.#project, setup);
    if (train === undefined || kind === "evaluation" || kind === "ask") return [];
    const { rows } = await this.#measured("overlap", setup, async () => {
      const names = kind === "classification" ? ["text", "text2"] : await questionColumns(this.#project, setup);
      return { rows: overlaps(testRows(this.#project), readRows(this.#project, train), names) };
    });
    return rows;
  }

  /** Records a measurement that was made together with others. */
  async record<Result>(kind: EvidenceKind, setup: Setup, result: Result): Promise<void> {
    await this.#store.add(kind, await this.inputs(setup), { subject: setupName(setup), model: setup.model, result });
  }

  /** The evidence of a kind that is fresh for a setup. */
  async fresh<Result>(kind: EvidenceKind, setup: Setup): Promise<Result | undefined> {
    const found = this.#store.find<Result>(kind, setup.model, await this.inputs(setup));
    return found.state === "fresh" ? found.evidence.result : undefined;
  }

  async #measured<Result>(kind: EvidenceKind, setup: Setup, measure: () => Promise<Result>): Promise<Result> {
    const known = await this.fresh<Result>(kind, setup);
    if (known !== undefined) return known;
    throwIfAborted(this.#options.signal);
    const result = await measure();
    await this.record(kind, setup, result);
    this.made.push(`${kind} of ${setupName(setup)}`);
    return result;
  }
}

/** The columns that a prompt's question reads. */
async function questionColumns(project: Project, setup: Setup): Promise<string[]> {
  const prompt = await promptOf(project, setup);
  return prompt.reads("template").filter((name) => !prompt.reads("answer").includes(name));
}
