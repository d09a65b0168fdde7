import type { Project, Setup } from "./file.ts";
import { locateSetup } from "./located.ts";
import type { MeasureOptions } from "./measure/quality.ts";
import type { Speed } from "./measure/speed.ts";
import { ADAPTER_FROM, measureTraining, type TrainingCost } from "./measure/training.ts";
import type { Measurements } from "./measured.ts";

/** The cost of a step on this machine. */
export interface Cost {
  readonly seconds: number;
  readonly memoryMB: number;
}

/** The cost of measuring a setup's quality: the model is loaded, and every item answered at the measured throughput. */
export function evaluationCost({ loadMs, itemsPerSecond, peakMemoryMB }: Speed, items: number): Cost {
  return { seconds: loadMs / 1000 + items / itemsPerSecond, memoryMB: peakMemoryMB };
}

/** The cost of fine-tuning a setup's model on the project's training data, from recorded steps or from new ones. */
export async function trainingCost(
  project: Project,
  setup: Setup,
  measurements: Measurements,
  options: MeasureOptions = {},
): Promise<TrainingCost> {
  const known = await measurements.fresh<TrainingCost>("training", setup);
  if (known) return known;
  await locateSetup(project, setup, options);
  const { parameters } = await measurements.facts(setup);
  const cost = await measureTraining(project, setup, parameters >= ADAPTER_FROM ? "lora" : "full", options);
  await measurements.record("training", setup, cost);
  return cost;
}
