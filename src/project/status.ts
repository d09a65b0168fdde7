import { existsSync } from "node:fs";
import { basename } from "node:path";
import { LecternError } from "../common/index.ts";
import { readBaseline } from "./baseline.ts";
import { readRows } from "./data.ts";
import { type Project, projectPath, type Setup } from "./file.ts";
import { type EvidenceKind, type InputName, inputsOf } from "./inputs.ts";
import { type Locating, locateSetup, setupName } from "./located.ts";
import { Measurements } from "./measured.ts";
import type { Settings } from "./optimize.ts";
import { RULED_OUT } from "./ruled-out.ts";
import { type Evidence, EvidenceStore, withProjectLock } from "./store.ts";
import { kindOf, metricNames } from "./task.ts";

/** One line of a project's status. */
export interface StatusLine {
  /** The stage of the lifecycle. */
  readonly stage: "scope" | "select" | "adapt" | "optimize" | "deploy";
  /** The subject of the evidence. */
  readonly what: string;
  /** `fault`: it cannot be had until what the detail names is mended. */
  readonly state: "fresh" | "stale" | "missing" | "fault";
  /** The inputs that changed since it was recorded. */
  readonly changed: readonly InputName[];
  readonly detail: string;
}

/** A server or page with the choice, and its load test. */
export interface Deployment {
  readonly target: string;
  readonly out: string;
  /** 0 if it was not started. */
  readonly requests: number;
  readonly failures: number;
}

/** Records that a setup was deployed. */
export function recordDeployment(
  project: Project,
  setup: Setup,
  deployment: Deployment,
  options: Locating = {},
): Promise<void> {
  return withProjectLock(project, () => new Measurements(project, options).record("deployment", setup, deployment));
}

/** Lists the evidence that a project has for each stage, with the reason where it is stale. Nothing is measured or downloaded. */
export async function projectStatus(project: Project, options: Locating = {}): Promise<StatusLine[]> {
  const { choice, gates } = project.file;
  const asked = (name: string): boolean => gates.some((gate) => name in gate);
  const kinds: EvidenceKind[] = [
    "quality",
    ...(asked("latencyMs") || asked("memoryMB") ? (["speed"] as const) : []),
    ...(asked("licence") ? (["facts"] as const) : []),
  ];
  const lines = [await scopeLine(project)];
  for (const setup of candidatesOf(project))
    lines.push(...(await setupLines(project, setup, "select", ["quality"], options)));
  lines.push(...(await setupLines(project, choice, "adapt", kinds, options)));
  lines.push(baselineLine(project));
  const reasons = RULED_OUT[kindOf(project, choice)];
  if (reasons["human feedback"] === undefined) lines.push(feedbackLine(project));
  lines.push(...(await setupLines(project, choice, "optimize", ["settings"], options)));
  lines.push(...(await setupLines(project, choice, "deploy", ["deployment"], options)));
  return lines;
}

/** The candidates of a project as setups, without the current choice. */
export function candidatesOf({ file }: Project): Setup[] {
  const all = file.candidates.map((entry): Setup => (typeof entry === "string" ? { model: entry } : entry));
  return all.filter((setup) => setupName(setup) !== setupName(file.choice));
}

async function scopeLine(project: Project): Promise<StatusLine> {
  const { test, task, gates, choice } = project.file;
  const line = { stage: "scope", what: "goal, test set, gates", changed: [] } as const;
  try {
    await metricNames(project, choice);
    const items = test === undefined || !task.startsWith("text-") ? "" : `${readRows(project, test).length} items, `;
    const detail = `${items}${gates.length === 0 ? "no gates" : gates.length === 1 ? "1 gate" : `${gates.length} gates`}`;
    return { ...line, state: gates.length === 0 ? "missing" : "fresh", detail };
  } catch (error) {
    return { ...line, state: "fault", detail: messageOf(error) };
  }
}

async function setupLines(
  project: Project,
  setup: Setup,
  stage: StatusLine["stage"],
  kinds: readonly EvidenceKind[],
  options: Locating,
): Promise<StatusLine[]> {
  const damaged: string[] = [];
  const store = new EvidenceStore(project, (message) => damaged.push(message));
  const what = (kind: EvidenceKind): string =>
    `${kind} of ${setupName(kind === "settings" ? withoutSettings(setup) : setup)}`;
  try {
    const inputs = await inputsOf(project, setup, await locateSetup(project, setup, { ...options, offline: true }));
    return kinds.map((kind) => {
      const found = store.find(kind, setup.model, inputs);
      const base = { stage, what: what(kind), state: found.state };
      if (found.state === "missing")
        return { ...base, changed: [], detail: damaged[0] ?? MISSING[kind] ?? "not measured yet" };
      const on = `${outcome(found.evidence)}measured ${found.evidence.at.slice(0, 10)}`;
      if (found.state === "fresh") return { ...base, changed: [], detail: on };
      return { ...base, changed: found.changed, detail: `${on}; since then changed: ${found.changed.join(", ")}` };
    });
  } catch (error) {
    return kinds.map((kind) => ({ stage, what: what(kind), state: "fault", changed: [], detail: messageOf(error) }));
  }
}

/** The ways to evidence that no check measures. */
const MISSING: Partial<Readonly<Record<EvidenceKind, string>>> = {
  settings: "lectern project optimize finds the cheapest that passes",
  deployment: "lectern project deploy writes and starts it",
};

/** A setup with what `optimize` varies left out. */
const withoutSettings = ({ precision: _, threads: _t, batchSize: _b, window: _w, ...setup }: Setup): Setup => setup;

/** The outcome of an optimization or a deployment in a few words, with a separator; empty for other evidence. */
function outcome({ kind, result }: Evidence): string {
  if (kind === "settings") return `cheapest that passes: ${(result as Settings).best ?? "none"}; `;
  if (kind !== "deployment") return "";
  const { target, requests, failures } = result as Deployment;
  return requests === 0 ? `${target}, not started; ` : `${target}, ${failures} of ${requests} requests failed; `;
}

function feedbackLine(project: Project): StatusLine {
  const path = feedbackPath(project);
  const line = { stage: "adapt", what: "human feedback", changed: [] } as const;
  if (path === undefined) return { ...line, state: "missing", detail: "none in feedback.jsonl or preferences.jsonl" };
  try {
    return { ...line, state: "fresh", detail: `${readRows(project, path).length} rows in ${basename(path)}` };
  } catch (error) {
    return { ...line, state: "fault", detail: messageOf(error) };
  }
}

function baselineLine(project: Project): StatusLine {
  const line = { stage: "adapt", what: "baseline", changed: [] } as const;
  try {
    const baseline = readBaseline(project);
    if (!baseline) return { ...line, state: "missing", detail: "the next check records it" };
    return { ...line, state: "fresh", detail: `${setupName(baseline.setup)}, ${baseline.at.slice(0, 10)}` };
  } catch (error) {
    return { ...line, state: "fault", detail: messageOf(error) };
  }
}

/** The message of an error that a user can mend; others go on. */
function messageOf(error: unknown): string {
  if (error instanceof LecternError && error.code !== "abort") return error.message;
  throw error;
}

/** True if feedback or preferences of people lie beside the project file. */
export const feedbackPath = (project: Project): string | undefined =>
  ["feedback.jsonl", "preferences.jsonl"].map((name) => projectPath(project, name)).find((path) => existsSync(path));
