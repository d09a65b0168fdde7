import type { Architecture, ArchitectureOf, Kind } from "../../families/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { TrainingTaskName } from "./task-names.ts";

/** The facts about a kind of model that training asks for. */
interface KindTraining<A> {
  /** The tasks that it is fine-tuned for. */
  readonly tasks: readonly TrainingTaskName[];
  /** The tasks that need a checkpoint whose head scores words. */
  readonly lmTasks: readonly TrainingTaskName[];
  /** The state `[B, H]` of each layer with which a text begins, where one text is carried from step to step. */
  firstStates(architecture: A, rows: number): Record<string, HostTensor<"float32">> | undefined;
}

const kinds: { readonly [K in Kind]: KindTraining<ArchitectureOf<K>> } = {
  decoder: {
    tasks: ["text-generation", "preference", "text-classification", "token-classification", "reward"],
    lmTasks: ["text-generation", "preference"],
    firstStates: () => undefined,
  },
  encoder: {
    tasks: [
      "text-classification",
      "token-classification",
      "question-answering",
      "fill-mask",
      "sentence-similarity",
      "reward",
    ],
    lmTasks: [],
    firstStates: () => undefined,
  },
  "encoder-decoder": { tasks: ["text2text-generation"], lmTasks: [], firstStates: () => undefined },
  recurrent: { tasks: ["text-generation"], lmTasks: [], firstStates: zeroStates },
  "recurrent-encoder-decoder": { tasks: [], lmTasks: [], firstStates: () => undefined },
};

/** The kinds of models of a task. */
export function kindsOf(task: TrainingTaskName): Kind[] {
  return (Object.keys(kinds) as Kind[]).filter((kind) => kinds[kind].tasks.includes(task));
}

/** True if fine-tuning a model of this kind for a task needs a checkpoint whose head scores words. */
export const needsLmHead = ({ kind }: Architecture, task: TrainingTaskName): boolean =>
  kinds[kind].lmTasks.includes(task);

/** The states with which a text begins; undefined for models that carry none. */
export function firstStates<K extends Kind>(
  architecture: ArchitectureOf<K>,
  rows: number,
): Record<string, HostTensor<"float32">> | undefined {
  const kind: KindTraining<ArchitectureOf<K>> = kinds[architecture.kind];
  return kind.firstStates(architecture, rows);
}

function zeroStates({ config }: ArchitectureOf<"recurrent">, rows: number): Record<string, HostTensor<"float32">> {
  const { cell, hiddenSize, numHiddenLayers } = config;
  const parts = cell === "lstm" ? ["hidden", "memory"] : ["hidden"];
  const names = Array.from({ length: numHiddenLayers }, (_, i) => parts.map((part) => `state.${i}.${part}`)).flat();
  const zeros = (): HostTensor<"float32"> => ({
    dtype: "float32",
    shape: [rows, hiddenSize],
    data: new Float32Array(rows * hiddenSize),
  });
  return Object.fromEntries(names.map((name) => [name, zeros()]));
}
