import { escaped } from "../../common/index.ts";
import type { CheckResult } from "../check.ts";
import type { GateResult } from "../gates.ts";
import { figure, range } from "./check-markdown.ts";

/** Control characters that XML cannot hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g;

const text = (value: string): string => escaped(value.replaceAll(FORBIDDEN, "\uFFFD"));

/** A check as JUnit XML: a test case for each gate; an undecided gate is skipped, with its reason. */
export function checkJunit({ gates, goal, seconds }: CheckResult): string {
  const count = (state: GateResult["state"]): number => gates.filter((gate) => gate.state === state).length;
  const counts = `tests="${gates.length}" failures="${count("fail")}" skipped="${count("undecided")}" errors="0"`;
  const time = `time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="lectern project check" ${counts} ${time}>`,
    `  <testsuite name="${text(goal)}" ${counts} ${time}>`,
    ...gates.map(testCase),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testCase({ name, state, value, baseline, interval, reason }: GateResult): string {
  const open = `    <testcase classname="gates" name="${text(name)}" time="0"`;
  if (state === "pass") return `${open}/>`;
  const detail = `${reason}; value ${figure(value)}, baseline ${figure(baseline)}, interval ${range(interval)}`;
  const inner = state === "fail" ? `<failure message="${text(detail)}"/>` : `<skipped message="${text(detail)}"/>`;
  return `${open}>${inner}</testcase>`;
}
