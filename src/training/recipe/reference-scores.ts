import { Random } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import type { Run } from "../run/run.ts";
import { type Parameters, StepGraph } from "../run/step-graph.ts";
import type { TokenRow } from "../tasks/task-rows.ts";
import type { taskParts } from "../tasks/tasks.ts";

/** Adds to rows the log-probabilities of their answers before the model learns: those of the frozen reference. */
export async function withReference(
  split: { readonly training: readonly TokenRow[]; readonly heldOut: readonly TokenRow[] },
  parameters: Parameters,
  {
    architecture,
    parts,
    graph,
    threads,
  }: {
    readonly architecture: Architecture;
    readonly parts: ReturnType<typeof taskParts>;
    readonly graph: Run["graph"];
    readonly threads: number | undefined;
  },
): Promise<{ training: TokenRow[]; heldOut: TokenRow[] }> {
  const graphs = new Map<string, StepGraph>();
  const noted = async (row: TokenRow): Promise<TokenRow> => {
    const batch = parts.build([row], new Random(0));
    const length = batch.inputIds[0]?.length as number;
    let compiled = graphs.get(`${length}`);
    if (!compiled) {
      compiled = await StepGraph.create(architecture, {
        ...graph,
        ...parts.graph,
        rows: 2,
        length,
        gradients: false,
        threads,
      });
      graphs.set(`${length}`, compiled);
    }
    const { outputs } = await compiled.run(parameters, batch);
    const [chosen, rejected] = (outputs.answer_scores as Parameters[string]).data;
    return { ...row, reference: [chosen as number, rejected as number] };
  };
  const all = async (rows: readonly TokenRow[]): Promise<TokenRow[]> => {
    const done: TokenRow[] = [];
    for (const row of rows) done.push(await noted(row));
    return done;
  };
  try {
    return { training: await all(split.training), heldOut: await all(split.heldOut) };
  } finally {
    for (const compiled of graphs.values()) await compiled.dispose();
  }
}
