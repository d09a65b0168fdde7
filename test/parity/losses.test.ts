import { describe, expect, test } from "vitest";
import { differentiate } from "../../src/autodiff/index.ts";
import { add, input, reduceSum, type Value } from "../../src/graph/index.ts";
import { lowerGraph } from "../../src/lowering/index.ts";
import { createSession } from "../../src/runtime/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import {
  binaryCrossEntropy,
  causalLoss,
  contrastiveLoss,
  crossEntropy,
  distillation,
  divergence,
  meanSquaredError,
  type PreferenceOptions,
  preferenceLoss,
  rewardLoss,
  sequenceLogProbability,
  smoothL1,
  softCrossEntropy,
  weighsByMean,
} from "../../src/training/index.ts";
import { fixture, readJson, readTensors } from "../helpers/fixtures.ts";

interface Case {
  inputs: string[];
  constants: string[];
  options: {
    reduction?: "mean" | "sum";
    label_smoothing?: number;
    beta?: number;
    gamma?: number;
    temperature?: number;
  };
  loss: number | number[];
}

/** Reference: torch 2.15.0 in float64. Losses within 1e-5 relative, gradients within 1e-5. */
const TOLERANCE = 1e-5;
const directory = fixture("training");
const { cases } = await readJson<{ cases: Record<string, Case> }>(`${directory}/losses.json`);
const recorded = await readTensors(directory, "losses.safetensors");

/** Labels as the preference losses take them: the label of a position is the token after it. */
function moved({ shape, data }: HostTensor): HostTensor {
  const [rows, length] = shape as [number, number];
  const out = new BigInt64Array(data.length).fill(-100n);
  for (let row = 0; row < rows; row++)
    for (let t = 0; t + 1 < length; t++) out[row * length + t] = data[row * length + t + 1] as bigint;
  return { dtype: "int64", shape, data: out };
}

function preference(key: string, { options }: Case, of: (name: string) => Value): Value {
  const kind = { sigmoid: "sigmoid", smooth: "sigmoid", hinge: "hinge", ipo: "ipo", ipo_sum: "ipo_sum" }[
    key.slice(4)
  ] as PreferenceOptions["kind"];
  const settings: PreferenceOptions = {
    kind: key === "orpo" || key === "simpo" ? key : kind,
    beta: options.beta as number,
    labelSmoothing: options.label_smoothing ?? 0,
    gamma: options.gamma ?? 0,
  };
  const over = weighsByMean(settings) ? "mean" : "sum";
  const score = (logits: string, labels: string): Value =>
    sequenceLogProbability(of(logits), of(`moved.${labels}`), over);
  const [chosen, rejected] = [score("chosen_logits", "chosen_labels"), score("rejected_logits", "rejected_labels")];
  if (kind === undefined) {
    const loss = preferenceLoss(chosen, rejected, undefined, settings);
    return key === "orpo" ? add(causalLoss(of("chosen_logits"), of("chosen_labels")), loss) : loss;
  }
  const reference = {
    chosen: score("reference_chosen_logits", "chosen_labels"),
    rejected: score("reference_rejected_logits", "rejected_labels"),
  };
  return preferenceLoss(chosen, rejected, reference, settings);
}

function build(key: string, recordedCase: Case, of: (name: string) => Value): Value {
  const { options, constants } = recordedCase;
  if (key.startsWith("dpo") || key === "orpo" || key === "simpo") return preference(key, recordedCase, of);
  if (key === "cross_entropy_soft") return softCrossEntropy(of("logits"), of("target"));
  if (key.startsWith("cross_entropy")) {
    const weight = constants.includes("weight") ? { weight: of("weight") } : {};
    const { reduction = "mean", label_smoothing: labelSmoothing = 0 } = options;
    return crossEntropy(of("logits"), of("labels"), { reduction, labelSmoothing, ...weight });
  }
  if (key.startsWith("bce"))
    return binaryCrossEntropy(
      of("logits"),
      of("target"),
      constants.includes("pos_weight") ? of("pos_weight") : undefined,
    );
  if (key === "mse") return meanSquaredError(of("logits"), of("target"));
  if (key === "smooth_l1") return smoothL1(of("logits"), of("target"), options.beta);
  if (key === "kl_div") return divergence(of("logits"), of("target"));
  if (key === "distillation") return distillation(of("logits"), of("teacher_logits"), options.temperature as number);
  if (key === "causal_lm") return causalLoss(of("logits"), of("labels"));
  return rewardLoss(of("chosen"), of("rejected"), constants.includes("margin") ? of("margin") : undefined);
}

describe("losses", () => {
  test.each(Object.keys(cases))("%s and its gradients are the reference's", async (key) => {
    const recordedCase = cases[key] as Case;
    const feeds: Record<string, HostTensor> = {};
    const of = (name: string): Value => {
      const label = name.startsWith("moved.") ? name.slice(6) : name;
      const tensor = recorded[`${key}.${label}`] as HostTensor;
      feeds[name] = label === name ? tensor : moved(tensor);
      return input(name, tensor.dtype, tensor.shape);
    };
    const wanted = recordedCase.inputs.map((name) => of(name));
    const known = new Map(recordedCase.inputs.map((name, i) => [name, wanted[i] as Value]));
    const loss = build(key, recordedCase, (name) => known.get(name) ?? (known.set(name, of(name)).get(name) as Value));
    const total = loss.shape.length > 0 ? reduceSum(loss, [0]) : loss;
    const { outputs, gradients } = differentiate({ loss: total, each: loss }, wanted);
    const named = Object.fromEntries(gradients.map((value, i) => [`grad.${recordedCase.inputs[i]}`, value]));
    const session = await createSession(
      lowerGraph({ outputs: { ...outputs, ...named }, bind: () => ({ kind: "input" }) }),
    );
    const results = await session.run(feeds);
    const expected = [recordedCase.loss].flat();
    for (const [i, value] of expected.entries())
      expect(Math.abs(Number(results.each?.data[i]) - value)).toBeLessThan(TOLERANCE * Math.max(1, Math.abs(value)));
    for (const name of recordedCase.inputs) {
      const reference = recorded[`${key}.grad.${name}`] as HostTensor;
      for (const [i, value] of reference.data.entries())
        expect(Math.abs(Number(results[`grad.${name}`]?.data[i]) - Number(value)), name).toBeLessThan(TOLERANCE);
    }
    await session.dispose();
  });

  test("the contrastive loss is that of the scaled cosines' softmax", async () => {
    const [left, right] = ["left", "right"].map((name) => input(name, "float32", [2, 2])) as [Value, Value];
    const session = await createSession(
      lowerGraph({ outputs: { loss: contrastiveLoss(left, right, 5) }, bind: () => ({ kind: "input" }) }),
    );
    const tensor = (...data: number[]): HostTensor => ({
      dtype: "float32",
      shape: [2, 2],
      data: Float32Array.from(data),
    });
    const { loss } = await session.run({ left: tensor(1, 0, 0, 2), right: tensor(3, 0, 4, 3) });
    const row = (own: number, other: number): number => Math.log(1 + Math.exp(5 * (other - own)));
    expect(Number(loss?.data[0])).toBeCloseTo((row(1, 0.8) + row(0.6, 0)) / 2, 5);
    await session.dispose();
  });
});
