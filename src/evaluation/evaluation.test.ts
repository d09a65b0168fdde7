import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { loadModel } from "../inference/index.ts";
import {
  bundledTasks,
  compareRuns,
  evaluate,
  itemsOf,
  leaves,
  loadTask,
  readItems,
  runPage,
  type Task,
  wrongItems,
} from "./node.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../test/parity/fixtures/models/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lectern-evaluation-"));
const gpt2 = loadModel(fixture("gpt2"));
afterAll(async () => {
  await (await gpt2).dispose();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
/** Writes a task file, with data beside it. */
function written(task: object, docs?: readonly object[]): string {
  const name = `task-${++count}`;
  writeFileSync(join(folder, `${name}.jsonl`), (docs ?? []).map((doc) => JSON.stringify(doc)).join("\n"));
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ data: { file: `${name}.jsonl` }, ...task }));
  return join(folder, `${name}.json`);
}

const parity = {
  name: "parity",
  type: "classification",
  input: "{{ n }} is",
  output: "{{ label }}",
  labels: { e: "even", o: "odd" },
};
const numbers = (size: number): object[] =>
  Array.from({ length: size }, (_, n) => ({ n, label: n % 2 ? "o" : "e", group: n % 10 }));

describe("a run in a folder", () => {
  const task = loadTask(written(parity, numbers(1000))) as Task;
  const options = { shots: 1, resamples: 100 };

  test("that is killed after half of 1,000 items resumes without computing one again, and equals one in a go", async () => {
    const model = await gpt2;
    const whole = await evaluate(model, task, { ...options, folder: join(folder, "whole") });
    const stop = new AbortController();
    const own = join(folder, "killed");
    const onProgress = (done: number): void => {
      if (done >= 500) stop.abort();
    };
    await expect(evaluate(model, task, { ...options, folder: own, signal: stop.signal, onProgress })).rejects.toThrow();
    const path = join(own, "items.jsonl");
    expect(readItems(own)).toHaveLength(512);
    truncateSync(path, statSync(path).size - 20); // a line that was being written
    const spy = vi.spyOn(model, "logLikelihood");
    const resumed = await evaluate(model, task, { ...options, folder: own });
    const scored = spy.mock.calls.reduce((sum, [requests]) => sum + requests.length, 0);
    spy.mockRestore();
    expect(scored).toBe(2 * (1000 - 511));
    expect(resumed).toEqual(whole);
    for (const name of ["items.jsonl", "summary.json"])
      expect(readFileSync(join(own, name), "utf8")).toBe(readFileSync(join(folder, "whole", name), "utf8"));
  }, 60_000);

  test("is cached by content: nothing is computed twice, and another model computes everything", async () => {
    const own = join(folder, "cached");
    const model = await gpt2;
    await evaluate(model, task, { ...options, limit: 40, folder: own });
    const spy = vi.spyOn(model, "logLikelihood");
    await evaluate(model, task, { ...options, limit: 40, folder: own });
    expect(spy).not.toHaveBeenCalled();
    await evaluate(model, task, { ...options, limit: 50, folder: own });
    expect(spy.mock.calls.reduce((sum, [requests]) => sum + requests.length, 0)).toBe(20);
    spy.mockRestore();
    await using other = await loadModel(fixture("llama_gqa"));
    const otherSpy = vi.spyOn(other, "logLikelihood");
    await evaluate(other, task, { ...options, limit: 40, folder: own });
    expect(otherSpy.mock.calls.reduce((sum, [requests]) => sum + requests.length, 0)).toBe(80);
  });

  test("is compared with another by item; runs whose items differ are refused", async () => {
    const model = await gpt2;
    const a = (await evaluate(model, task, { ...options, limit: 60 })).items;
    const b = (await evaluate(model, task, { ...options, shots: 0, limit: 60 })).items;
    const own = compareRuns(new Map(Object.entries({ a, b, c: a })));
    const [only, other] = own.get("b")?.discordant ?? [0, 0];
    expect(own.get("b")?.difference).toBeCloseTo((other - only) / 60, 12);
    expect(own.get("c")).toMatchObject({ difference: 0, p: 1, corrected: 1, test: "McNemar" });
    expect(compareRuns(new Map(Object.entries({ a, b })), { cluster: "group" }).get("b")?.test).toBe("z");
    expect(() => compareRuns(new Map(Object.entries({ a, d: b.slice(1) })))).toThrow(
      /the items of a and d differ \(60 and 59/,
    );
    expect(() => compareRuns(new Map(Object.entries({ a, b })), { metric: "ac" })).toThrow(
      /no metric ac; did you mean acc/,
    );
    expect(() => compareRuns(new Map(Object.entries({ a, b })), { cluster: "gruop" })).toThrow(/did you mean group/);
  });

  test("lists wrong items, and shows them on a page where markup is text", async () => {
    const markup = loadTask(written(parity, [{ n: "<script>alert(1)</script>", label: "o" }, ...numbers(5)])) as Task;
    const { items } = await evaluate(await gpt2, markup, { shots: 0 });
    const wrong = wrongItems(items);
    expect(wrong.length + items.filter(({ scores }) => scores.acc === 1).length).toBe(6);
    expect(items[0]?.probabilities?.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    const page = runPage({ title: "<b>", summary: ["a & b"], items });
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(page).not.toMatch(/<script|<b>|https?:/);
  });
});

test("several sampled answers give pass@k and pass^k; greedy ones are refused", async () => {
  const docs = [{ w: "a" }, { w: "b" }, { w: "c" }];
  const task = loadTask(
    written(
      { name: "w", type: "generation", input: "{{ w }}", output: "{{ w }}", generation: { maxNewTokens: 2 } },
      docs,
    ),
  ) as Task;
  const options = { repeats: 3, generation: { temperature: 1.5 } };
  const first = await evaluate(await gpt2, task, options);
  expect(first.passRates?.passAt).toHaveLength(3);
  expect(first.items[0]?.response.answers).toHaveLength(3);
  expect(await evaluate(await gpt2, task, options)).toEqual(first);
  await expect(evaluate(await gpt2, task, { repeats: 3 })).rejects.toThrow(/set a temperature/);
});

test("a translation prints sacreBLEU's signatures, and ROUGE warns of Korean", async () => {
  const metrics = ["bleu", "chrf++", "rouge1", { metric: "rougeL", tokenizer: "unicode" }];
  const generation = { maxNewTokens: 2 };
  const task = loadTask(
    written({ name: "ko", type: "translation", input: "{{ a }}", output: "{{ b }}", generation, metrics }, [
      { a: "hi", b: "안녕" },
    ]),
  ) as Task;
  const { signatures, warnings } = await evaluate(await gpt2, task, { shots: 0 });
  expect(signatures).toEqual({
    bleu: "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
    "chrf++": "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0",
  });
  expect(warnings[0]).toMatch(/tokenizer: "unicode" takes all scripts/);
});

test("calibration divides by the probability after texts without content", async () => {
  const task = loadTask(written({ ...parity, calibration: ["N/A", ""] }, numbers(6))) as Task;
  const { items, metrics } = await evaluate(await gpt2, task, { shots: 0 });
  expect(metrics.acc_calibrated).toBeDefined();
  expect(items[0]?.response.scores).toHaveLength(6);
});

test("a question whose answer is generated ends in the delimiter, without spaces at its end", () => {
  const ending = (delimiter: string): string => {
    const task = { name: "d", type: "generation", input: "{{ n }}", output: "{{ label }}", delimiter, separator: "\n" };
    return itemsOf(loadTask(written(task, numbers(2))) as Task, { shots: 1, limit: 1 })[0]?.context ?? "";
  };
  expect([" > ", ">", " ", "\n", " =\n"].map(ending)).toEqual([
    "1 > o\n0 >",
    "1>o\n0>",
    "1 o\n0",
    "1\no\n0\n",
    "1 =\no\n0 =\n",
  ]);
});

test("prompts that are longer than the context window lose their beginning, with a warning", async () => {
  const long = Array.from({ length: 3 }, (_, n) => ({ n: "long ".repeat(400 * n), label: "e" }));
  const task = loadTask(written(parity, long)) as Task;
  const { warnings, items } = await evaluate(await gpt2, task, { shots: 0 });
  expect(warnings).toEqual([
    "parity, 0 shots: 2 of 3 prompts are longer than the context window and lost their beginning; use fewer shots",
  ]);
  const window = (await gpt2).contextWindow;
  const { tokenizer } = await gpt2;
  const whole = tokenizer?.encode(`${long[1]?.n} is even`).ids.length ?? 0;
  expect(items.map(({ response }) => response.scores?.[0]?.dropped)).toEqual([
    undefined,
    whole - 1 - window,
    expect.any(Number),
  ]);
  const open = loadTask(
    written(
      { name: "g", type: "generation", input: "{{ n }}", output: "{{ label }}", generation: { maxNewTokens: 2 } },
      long,
    ),
  ) as Task;
  expect((await evaluate(await gpt2, open, { shots: 0 })).warnings[0]).toMatch(/2 of 3 prompts are longer/);
});

test("every bundled task that has its data here loads, and its metrics are finite", async () => {
  expect(bundledTasks()).toContain("animal-sounds");
  for (const name of ["animal-sounds", "icl", "opinions", "plurals", "tale"])
    for (const task of leaves(loadTask(name))) {
      const { metrics } = await evaluate(await gpt2, task, {
        limit: 2,
        shots: task.output === "loglikelihood_rolling" ? 0 : 1,
      });
      for (const { value } of Object.values(metrics)) expect(value).toSatisfy(Number.isFinite);
    }
});

describe("what a task file says is what is asked", () => {
  const docOf = (task: Task, i = 0): Task["docs"][number] => task.docs[i] as Task["docs"][number];

  test("a choice by its text, although its text is a number; a number in the data is an index", () => {
    const choice = {
      name: "c",
      type: "multiple-choice",
      input: "{{ q }}",
      choices: ["1", "2", "3"],
      output: "{{ a }}",
    };
    const task = loadTask(
      written(choice, [
        { q: "1+1", a: "2" },
        { q: "1+1", a: 1 },
      ]),
    ) as Task;
    expect(itemsOf(task, { shots: 0 }).map(({ right }) => right)).toEqual(["2", 1]);
  });

  test("a continuation behind the delimiter, as in the examples", () => {
    const task = loadTask(
      written({ name: "l", type: "log-likelihood", input: "{{ q }}", output: "{{ a }}" }, [
        { q: "Once", a: "upon" },
        { q: "a", a: "time" },
      ]),
    ) as Task;
    expect(itemsOf(task, { shots: 1 })[0]).toMatchObject({
      context: "a time\n\nOnce",
      pairs: [{ continuation: " upon" }],
    });
  });

  test("a text with brackets is a text, and a list of texts several right answers", () => {
    const task = loadTask(
      written({ name: "g", type: "generation", input: "{{ q }}", output: "{{ a }}" }, [
        { q: "x", a: "[1, 2]" },
        { q: "y", a: ["one", "two"] },
      ]),
    ) as Task;
    expect(itemsOf(task, { shots: 0 }).map(({ right }) => right)).toEqual(["[1, 2]", ["one", "two"]]);
  });

  test("cells of CSV as they stand, by tabs too", () => {
    for (const [extension, mark] of [
      ["CSV", ","],
      ["tsv", "\t"],
    ]) {
      const file = `cells-${++count}.${extension}`;
      writeFileSync(join(folder, file), ["code,who", "007,NA", "1,null"].join("\n").replaceAll(",", mark as string));
      const task = loadTask(
        written({ name: "x", type: "generation", input: "{{ code }}", output: "{{ who }}", data: { file } }),
      ) as Task;
      expect([docOf(task), docOf(task, 1)]).toEqual([
        { code: "007", who: "NA" },
        { code: "1", who: "null" },
      ]);
    }
  });

  test("words of YAML 1.1 for true and false", () => {
    const path = join(folder, `words-${++count}.yaml`);
    const file = written({}, [{ n: 1, label: "no" }]).replace(/^.*\/(.*)json$/, "$1jsonl");
    writeFileSync(
      path,
      `name: y\ntype: classification\ndata: { file: ${file} }\ninput: "{{ n }}"\noutput: "{{ label }}"\nlabels: { no: "off", yes: "on" }\n`,
    );
    expect(loadTask(path)).toMatchObject({ name: "y" });
  });
});

test("runs with an item that is there twice are compared", async () => {
  const task = loadTask(written(parity, [...numbers(4), ...numbers(2)])) as Task;
  const { items } = await evaluate(await gpt2, task, { shots: 0 });
  expect(compareRuns(new Map(Object.entries({ a: items, b: items }))).get("b")).toMatchObject({ difference: 0 });
});

test("an interval ends where the metric does", async () => {
  const task = loadTask(written({ ...parity, metrics: ["mcc", "f1_macro", "ece"] }, numbers(4))) as Task;
  const { metrics } = await evaluate(await gpt2, task, { shots: 0 });
  for (const [name, least] of Object.entries({ mcc: -1, f1_macro: 0, ece: 0 })) {
    const [low, high] = metrics[name]?.interval ?? [];
    expect(low, name).toBeGreaterThanOrEqual(least);
    expect(high, name).toBeLessThanOrEqual(1);
  }
});

test.each([
  [{ limit: 0 }, /limit must be a whole number above 0; got 0/],
  [{ shots: -1 }, /shots must be a whole number from 0; got -1/],
  [{ shotz: 1 }, /there is no option shotz; did you mean shots/],
])("options that cannot be are refused: %j", async (options, message) => {
  const task = loadTask(written(parity, numbers(4))) as Task;
  await expect(evaluate(await gpt2, task, options as object)).rejects.toThrow(message);
});

test("acc_calibrated without texts for it is refused", async () => {
  const task = loadTask(written({ ...parity, metrics: ["acc_calibrated"] }, numbers(4))) as Task;
  await expect(evaluate(await gpt2, task, { shots: 0 })).rejects.toThrow(/acc_calibrated needs calibration/);
});

describe("a task file that cannot be is refused", () => {
  const yaml = (text: string): string => {
    const path = join(folder, `bad-${++count}.yaml`);
    writeFileSync(path, text);
    return path;
  };
  const harness = "task: t\ndataset_path: json\ntest_split: train\ndoc_to_text: '{{ n }}'\ndoc_to_target: '{{ n }}'\n";
  const data = (): string =>
    `dataset_kwargs: { data_files: ${JSON.stringify(written({}, numbers(2)).replace(/json$/, "jsonl"))} }\n`;

  test.each([
    [
      "an unknown key, with the nearest",
      () => written({ ...parity, labls: {} }, numbers(2)),
      /there is no key labls; did you mean labels/,
    ],
    ["an unknown type", () => written({ ...parity, type: "classify" }, numbers(2)), /there is no type "classify"/],
    [
      "a metric twice",
      () => written({ ...parity, metrics: ["acc", "f1", "acc"] }, numbers(2)),
      /metrics: "acc" is there twice/,
    ],
    ["no metric", () => written({ ...parity, metrics: [] }, numbers(2)), /metrics must name one at least/],
    [
      "an item without a field that others have",
      () => written(parity, [...numbers(2), { label: "e" }]),
      /'n' is undefined; the fields are label/,
    ],
    [
      "a text without anything",
      () => {
        writeFileSync(join(folder, "nothing.txt"), "");
        return written({ name: "x", type: "perplexity", output: "{{ text }}", data: { file: "nothing.txt" } });
      },
      /the data set is empty/,
    ],
    [
      "a group that contains itself",
      () => {
        const path = join(folder, `group-${++count}.yaml`);
        writeFileSync(path, `name: g\ntasks: [${path}]\n`);
        return path;
      },
      /the group contains itself/,
    ],
    [
      "duplicate labels",
      () => written({ ...parity, labels: { e: "x", o: "x" } }, numbers(2)),
      /e and o are both written "x"/,
    ],
    [
      "a label missing from the verbalizer",
      () => written({ ...parity, labels: { e: "x", q: "y" } }, numbers(2)),
      /the label "o" is missing from labels/,
    ],
    [
      "choices that are the same",
      () =>
        written({ name: "c", type: "multiple-choice", input: "{{ n }}", output: "0", choices: ["a", "a"] }, numbers(2)),
      /choices must differ from each other/,
    ],
    [
      "a template that reads files",
      () => written({ ...parity, output: "{% include '/etc/hostname' %}" }, numbers(2)),
      /the template fails: no loader/,
    ],
    [
      "a template that opens files",
      () => written({ ...parity, output: "{{ open('/etc/hostname').read() }}" }, numbers(2)),
      /'open' is undefined/,
    ],
    ["an empty data set", () => written(parity, []), /the data set is empty/],
    [
      "a metric that does not fit",
      () => written({ ...parity, metrics: ["bleu"] }, numbers(2)),
      /metric bleu does not fit multiple_choice; metrics that fit are acc,/,
    ],
    [
      "a metric that is not there",
      () => written({ ...parity, metrics: ["acuracy"] }, numbers(2)),
      /metric acuracy is not available/,
    ],
    [
      "a template over fields that are not there",
      () => written({ ...parity, output: "{{ lable }}" }, numbers(2)),
      /'lable' is undefined; the fields are n, label, group/,
    ],
    [
      "own examples that are not there",
      () => written({ ...parity, exampleField: "shots" }, numbers(2)),
      /the field shots of an item must be a list of objects/,
    ],
    [
      "own examples beside others",
      () => written({ ...parity, exampleField: "shots", order: "first" }, numbers(2)),
      /examples and order have no effect/,
    ],
    [
      "a condition on a field that is not there",
      () => written({ ...parity, data: { file: `task-${count + 1}.jsonl`, keep: { lable: "." } } }, numbers(2)),
      /keep: .* has no field lable; did you mean label/,
    ],
    [
      "a condition that no item meets",
      () => written({ ...parity, data: { file: `task-${count + 1}.jsonl`, keep: { n: "^x" } } }, numbers(2)),
      /keep leaves no item/,
    ],
    [
      "a condition that is no expression",
      () => written({ ...parity, data: { file: `task-${count + 1}.jsonl`, keep: { n: "(" } } }, numbers(2)),
      /keep: Invalid regular expression/,
    ],
    [
      "a function of Python",
      () => yaml(`${harness}${data()}process_docs: !function utils.process\n`),
      /!function utils.process is Python/,
    ],
    [
      "a data set of the Hub",
      () => yaml(harness.replace("json", "EleutherAI/arithmetic")),
      /EleutherAI\/arithmetic" is a data set of the Hub/,
    ],
    [
      "a filter that is not there",
      () => yaml(`${harness}${data()}filter_list: [{ name: a, filter: [{ function: regx }] }]\n`),
      /there is no filter "regx"; did you mean regex/,
    ],
    [
      "a key of a harness file that is not known",
      () => yaml(`${harness}${data()}doc_to_txt: a\n`),
      /there is no key doc_to_txt; did you mean doc_to_text/,
    ],
    [
      "a file that includes itself",
      () => {
        const path = yaml("a: 1");
        writeFileSync(path, `include: ${path}\n`);
        return path;
      },
      /it includes itself/,
    ],
  ])("%s", (_, path, message) => {
    expect(() => {
      const task = loadTask(path()) as Task;
      task.docs.map((doc) => [task.item.text(doc), task.item.target(doc), task.ownExamples?.(doc)]);
    }).toThrow(message);
  });

  test("items that do not match a condition are left out", () => {
    const data = { file: `task-${count + 1}.jsonl`, keep: { n: "^1.$" } };
    expect((loadTask(written({ ...parity, data }, numbers(30))) as Task).docs).toHaveLength(10);
  });

  test("more examples than there are", async () => {
    const task = loadTask(written(parity, numbers(3))) as Task;
    await expect(evaluate(await gpt2, task, { shots: 3 })).rejects.toThrow(/3 examples are asked for, but there are 2/);
  });

  test("a template that loops forever, or asks for more than it may", () => {
    const loop = loadTask(
      written(
        {
          name: "x",
          type: "perplexity",
          output: "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        },
        [{ a: 1 }],
      ),
    ) as Task;
    expect(() => loop.item.target(loop.docs[0] ?? {})).toThrow(/more than is allowed/);
  });
});
