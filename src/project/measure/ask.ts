import { join } from "node:path";
import { check, LecternError } from "../../common/index.ts";
import { hashOf, type MetricValues, squadExact, squadF1, standardError, withInterval } from "../../evaluation/node.ts";
import { makeDirectory } from "../../files/node.ts";
import type { Model } from "../../inference/index.ts";
import {
  ask,
  evaluateAnswers,
  evaluateRetrieval,
  indexFolder,
  modelEncoder,
  openIndex,
  type PassageIndex,
  type RetrievalItem,
  readQuestions,
} from "../../retrieval/index.ts";
import { DEPTH, recallAt } from "../ask-metrics.ts";
import { EVIDENCE_FOLDER, type Project, projectPath, type Setup } from "../file.ts";
import { BY_WORDS, loadReader, loadSetup, setupName } from "../located.ts";
import { corpusOf } from "../task.ts";
import type { MeasureOptions, Quality } from "./quality.ts";

/** An index of a project's texts with the questions about them. */
export interface OpenedAsk extends AsyncDisposable {
  readonly index: PassageIndex;
  /** The model that answers from passages; undefined where only passages are found. */
  readonly reader: Model | undefined;
  /** The questions that the texts answer. */
  readonly items: readonly RetrievalItem[];
  /** Finds the passages of a question, and answers it where there is a reader. */
  answer(item: RetrievalItem): Promise<unknown>;
}

/** Opens what a setup finds passages by and answers with; the texts are indexed, and what did not change is not encoded again. */
export async function openAsk(project: Project, setup: Setup, options: MeasureOptions = {}): Promise<OpenedAsk> {
  const folder = corpusOf(project);
  const items = await answerable(project, setup, folder);
  const opened: Model[] = [];
  const dispose = async (): Promise<void> => {
    for (const model of opened) await model.dispose();
  };
  try {
    const finder = setup.model === BY_WORDS ? undefined : await loadSetup(project, setup, options);
    if (finder) opened.push(finder);
    const reader = setup.reader === undefined ? undefined : await loadReader(project, setup, options);
    if (reader) opened.push(reader);
    const encoder = finder && (await modelEncoder(finder));
    const folders = join(project.root, EVIDENCE_FOLDER, "indexes");
    await makeDirectory(folders);
    const file = join(folders, hashOf([setup.model, setup.precision]).slice(0, 16));
    const { path } = await indexFolder(folder, { encoder, file, signal: options.signal });
    const index = await openIndex(path, encoder && (async () => encoder));
    const answer = (item: RetrievalItem): Promise<unknown> =>
      reader ? ask(index, item.question, { model: reader }) : index.search(item.question);
    return { index, reader, items, answer, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Measures how often the right passages are found, and how often the answers are right. */
export async function measureAsk(
  project: Project,
  setup: Setup,
  metrics: readonly string[],
  options: MeasureOptions = {},
): Promise<Quality> {
  await using opened = await openAsk(project, setup, options);
  const { index, items, reader } = opened;
  const started = performance.now();
  const topK = Math.max(DEPTH, ...metrics.map((name) => recallAt(name) ?? 0));
  const { ranks } = await evaluateRetrieval(index, items, { topK, signal: options.signal });
  const texts = reader ? (await evaluateAnswers(index, items, { model: reader, signal: options.signal })).answers : [];
  const right = (i: number): readonly string[] => (items[i] as RetrievalItem).answers;
  const metricOf = (name: string, i: number): number => {
    const [rank, text] = [ranks[i], texts[i]];
    const k = recallAt(name);
    if (k !== undefined) return rank !== undefined && rank <= k ? 1 : 0;
    if (name === "exact_match") return text === undefined ? 0 : squadExact(text, right(i));
    if (name === "f1") return text === undefined ? 0 : squadF1(text, right(i));
    return rank !== undefined && rank <= DEPTH ? 1 / rank : 0;
  };
  const values = Object.fromEntries(
    metrics.map((name): [string, MetricValues] => {
      const own = items.map((_, i) => metricOf(name, i));
      return [name, { aggregation: "mean", higherIsBetter: true, settings: {}, values: own }];
    }),
  );
  options.onMeasure?.(setupName(setup), items.length, items.length);
  return {
    n: items.length,
    items: items.map(({ question, answers }) => hashOf([question, answers])),
    metrics: Object.fromEntries(Object.entries(values).map(([name, own]) => [name, meanOf(own.values as number[])])),
    values,
    seconds: (performance.now() - started) / 1000,
    warnings: [],
  };
}

function meanOf(values: readonly number[]): Quality["metrics"][string] {
  const value = values.reduce((sum, own) => sum + own, 0) / values.length;
  return withInterval({ value, stderr: standardError(values) }, values);
}

/** The questions with lines that answer them; with a reader, each needs a right answer as well. */
async function answerable(project: Project, { reader }: Setup, folder: string): Promise<RetrievalItem[]> {
  const { test, limit } = project.file;
  check(
    test !== undefined,
    "config",
    () =>
      `${project.path}: the task ask needs questions: add "test": "FILE", with JSON lines of question, file and lines`,
  );
  const path = projectPath(project, test);
  const items = (await readQuestions(path, folder)).filter(({ places }) => places.length > 0).slice(0, limit);
  check(items.length > 0, "input", () => `${path}: no question names the file and the lines that answer it`);
  const bare = reader === undefined ? undefined : items.find(({ answers }) => answers.length === 0);
  if (bare)
    throw new LecternError(
      "input",
      `${path}: the choice has a reader, and the question ${JSON.stringify(bare.question)} no answer`,
    );
  return items;
}
