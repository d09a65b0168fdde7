import { expect, test } from "vitest";
import { areShares, curveTable, shotCurves } from "./curve.ts";
import { curveSvg } from "./curve-svg.ts";
import type { RunResult } from "./run.ts";

const run = (name: string, shots: number, value: number, task = "t"): RunResult & { name: string } => ({
  name,
  task,
  shots,
  model: name,
  fingerprint: "",
  seed: 0,
  n: 10,
  metrics: {
    acc: { value, stderr: 0.1, interval: [value - 0.1, value + 0.1] },
    f1: { value: 0, stderr: 0, interval: null },
  },
  warnings: [],
});

const runs = [run("small", 4, 0.5), run("small", 0, 0.1), run("<big>", 0, 0.2), run("<big>", 4, 0.9)];

test("a curve is the first metric by shots, in their order; one number of shots is none", () => {
  const [own, ...others] = shotCurves([...runs, run("small", 0, 0.3, "once")]);
  expect(others).toEqual([]);
  expect(own).toMatchObject({ task: "t", metric: "acc", n: 10 });
  expect(own?.curves.map(({ name, points }) => [name, points.map(({ shots, value }) => [shots, value])])).toEqual([
    [
      "small",
      [
        [0, 0.1],
        [4, 0.5],
      ],
    ],
    [
      "<big>",
      [
        [0, 0.2],
        [4, 0.9],
      ],
    ],
  ]);
});

test("the table has a row for each model, with intervals, and a gap where nothing was measured", () => {
  const [own] = shotCurves([...runs, run("a|b", 4, 0.25)]);
  expect(own && curveTable(own)).toBe(
    [
      "| model | 0 shots | 4 shots |",
      "| --- | ---: | ---: |",
      "| small | 10.0 % (0.0–20.0) | 50.0 % (40.0–60.0) |",
      "| <big> | 20.0 % (10.0–30.0) | 90.0 % (80.0–100.0) |",
      "| a\\|b |  | 25.0 % (15.0–35.0) |",
      "",
    ].join("\n"),
  );
});

test("the figure has each point at its place, each interval, and names as text", () => {
  const [own] = shotCurves(runs);
  const svg = own ? curveSvg(own) : "";
  expect(svg).toContain("&lt;big&gt;");
  expect(svg).not.toContain("<big>");
  const lines = [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) =>
    (points as string).split(" ").map((point) => point.split(",").map(Number)),
  ) as [number, number][][];
  const [small, big] = lines as [[number, number][], [number, number][]];
  const height = (small[0]?.[1] ?? 0) - (small[1]?.[1] ?? 0); // of 40 points of accuracy
  expect(((big[0]?.[1] ?? 0) - (big[1]?.[1] ?? 0)) / height).toBeCloseTo(0.7 / 0.4, 1);
  expect(svg.match(/<circle/g)).toHaveLength(4);
  expect(svg.match(/stroke="#(0072b2|d55e00)"\/>/g)).toHaveLength(4);
});

test("values that are no shares get ticks of their own", () => {
  const [own] = shotCurves([run("m", 0, 13), run("m", 2, 27)]);
  expect(own && areShares(own.curves)).toBe(false);
  expect(own && curveSvg(own)).toMatch(/>10<[\s\S]*>30</);
  expect(own && curveTable(own)).toContain("| m | 13 (12.9–13.1) | 27 (26.9–27.1) |");
});
