import { check } from "../common/index.ts";
import { type Decision, decideMetric, decidePaired, type MetricValues } from "../evaluation/node.ts";
import type { Gate } from "./file.ts";
import type { Facts } from "./measure/facts.ts";
import { itemValues, type Quality } from "./measure/quality.ts";
import type { Speed } from "./measure/speed.ts";

/** The state of a gate. */
export type GateState = "pass" | "fail" | "undecided";

/** A gate with what was measured for it. */
export interface GateResult {
  /** The gate in words, such as `acc ≥ baseline − 0.01`. */
  readonly name: string;
  readonly state: GateState;
  /** The measured value; null where nothing could be measured. */
  readonly value: number | string | null;
  /** The baseline's value; null for a gate without one. */
  readonly baseline: number | null;
  /** The interval of 90 %: of the difference from the baseline where there is one, else of the value; null where there is none. */
  readonly interval: readonly [number, number] | null;
  /** Of an undecided gate: the number of items that would decide it, if the observed difference is the true one. */
  readonly itemsNeeded?: number;
  /** The reason for the state, in a sentence. */
  readonly reason: string;
}

/** Everything that gates are tested against. */
export interface GateEvidence {
  readonly quality: Quality;
  /** That of the baseline; undefined where this check records it. */
  readonly baseline: Quality | undefined;
  readonly speed: Speed | undefined;
  readonly facts: Facts | undefined;
}

/** The gates that a file names, each condition of a metric as one. */
export function testGates(gates: readonly Gate[], evidence: GateEvidence): GateResult[] {
  return gates.flatMap((gate) => {
    if ("latencyMs" in gate) return [latencyGate(gate.latencyMs, evidence)];
    if ("memoryMB" in gate) return [memoryGate(gate.memoryMB, evidence)];
    if ("licence" in gate) return [licenceGate(gate.licence, evidence)];
    const { metric, margin, min, max } = gate;
    const isBare = margin === undefined && min === undefined && max === undefined;
    return [
      ...(margin !== undefined || isBare ? [baselineGate(metric, margin ?? 0, evidence)] : []),
      ...(min === undefined ? [] : [boundGate(metric, { min }, evidence)]),
      ...(max === undefined ? [] : [boundGate(metric, { max }, evidence)]),
    ];
  });
}

/** The worst of all: failed before undecided before passed. */
export function overallState(gates: readonly GateResult[]): GateState {
  if (gates.some(({ state }) => state === "fail")) return "fail";
  return gates.some(({ state }) => state === "undecided") ? "undecided" : "pass";
}

const shortNumber = (value: number): string => String(Number(value.toPrecision(3)));

const metricOf = (quality: Quality, metric: string): number => {
  const found = quality.metrics[metric];
  check(
    found,
    "config",
    () => `check: the measured metrics are ${Object.keys(quality.metrics).join(", ")}; got ${metric}`,
  );
  return found.value;
};

function baselineGate(metric: string, margin: number, { quality, baseline }: GateEvidence): GateResult {
  const value = metricOf(quality, metric);
  const own = itemValues(quality, metric);
  const { higherIsBetter } = quality.values[metric] as MetricValues;
  const limit = margin === 0 ? "baseline" : `baseline ${higherIsBetter ? "−" : "+"} ${shortNumber(margin)}`;
  const name = `${metric} ${higherIsBetter ? "≥" : "≤"} ${limit}`;
  const base = baseline && itemValues(baseline, metric);
  if (!baseline || !base || !own)
    return { name, state: "pass", value, baseline: value, interval: null, reason: "recorded as the baseline" };
  const decision = decidePaired(base, own, margin);
  const sign = higherIsBetter ? 1 : -1;
  const [low, high] = decision.interval;
  const interval = sign === 1 ? ([low, high] as const) : ([-high, -low] as const);
  return {
    ...{ name, state: decision.state, value, baseline: metricOf(baseline, metric), interval },
    ...needed(decision),
    reason: pairedReason(decision, margin, quality.n),
  };
}

function pairedReason({ state, isSame, difference, itemsNeeded }: Decision, margin: number, n: number): string {
  if (isSame) return "no item differs from the baseline";
  if (state === "pass") return "shown to be no worse than the gate";
  if (state === "fail") return "shown to be worse than the gate";
  const away = difference + margin;
  if (itemsNeeded === undefined) return "the difference lies on the gate: no number of items decides it";
  const side = away > 0 ? "better" : "worse";
  return `inside the noise of ${n} items; about ${itemsNeeded} items would show if it is ${side} than the gate`;
}

const needed = ({ state, itemsNeeded }: Decision): { itemsNeeded?: number } =>
  state === "undecided" && itemsNeeded !== undefined ? { itemsNeeded } : {};

function boundGate(metric: string, bound: { min: number } | { max: number }, { quality }: GateEvidence): GateResult {
  const value = metricOf(quality, metric);
  const decision = decideMetric(quality.values[metric] as MetricValues, bound);
  const name = "min" in bound ? `${metric} ≥ ${bound.min}` : `${metric} ≤ ${bound.max}`;
  const [low, high] = decision.interval;
  const about =
    decision.state === "undecided"
      ? decision.itemsNeeded === undefined
        ? "the value lies on the bound: no number of items decides it"
        : `the bound lies inside the interval of ${quality.n} item${quality.n === 1 ? "" : "s"}; about ${decision.itemsNeeded} items would decide it`
      : `shown to be ${decision.state === "pass" ? "within" : "beyond"} the bound`;
  return {
    ...{ name, state: decision.state, value, baseline: null },
    interval: "min" in bound ? [low, high] : [-high, -low],
    ...needed(decision),
    reason: about,
  };
}

function latencyGate(most: number, { speed }: GateEvidence): GateResult {
  const name = `latency ≤ ${most} ms`;
  if (!speed) return { name, state: "undecided", value: null, baseline: null, interval: null, reason: "not measured" };
  const { median, interval, n } = speed.latencyMs;
  const [low, high] = interval;
  const state = high <= most ? "pass" : low > most ? "fail" : "undecided";
  const half = (high - low) / 2;
  const itemsNeeded = median === most ? undefined : Math.ceil(n * (half / Math.abs(median - most)) ** 2);
  const reason =
    state === "undecided"
      ? `the bound lies inside the interval of the median of ${n} items${itemsNeeded === undefined ? "" : `; about ${itemsNeeded} timed items would decide it`}`
      : `the median of ${n} items, each computed alone`;
  const more = state === "undecided" && itemsNeeded !== undefined ? { itemsNeeded } : {};
  return { name, state, value: median, baseline: null, interval, ...more, reason };
}

function memoryGate(most: number, { speed }: GateEvidence): GateResult {
  const name = `memory ≤ ${most} MB`;
  if (!speed) return { name, state: "undecided", value: null, baseline: null, interval: null, reason: "not measured" };
  const value = speed.peakMemoryMB;
  const state = value <= most ? "pass" : "fail";
  return { name, state, value, baseline: null, interval: null, reason: "peak memory of a process of its own" };
}

function licenceGate(allowed: readonly string[], { facts }: GateEvidence): GateResult {
  const name = `licence: ${allowed.join(", ")}`;
  const value = facts?.licence ?? null;
  const own = value?.toLowerCase();
  const isAllowed = own !== undefined && allowed.some((licence) => licence.toLowerCase() === own);
  const reason = value === null ? "the model's card names no licence" : `the model's card names ${value}`;
  return { name, state: isAllowed ? "pass" : "fail", value, baseline: null, interval: null, reason };
}
