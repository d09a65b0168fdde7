import { escaped } from "../../common/index.ts";
import type { ItemRecord } from "./store.ts";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
article{border:1px solid #8886;border-radius:6px;padding:.5rem 1rem;margin:1rem 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:16rem;overflow:auto}
td{padding:.1rem .8rem .1rem 0}.right{font-weight:bold}.bar{display:inline-block;height:.7em;background:#47a}
@media (prefers-color-scheme:dark){body{background:#111;color:#ddd}}`;

/** The parts of a page about a run. */
export interface PageContent {
  /** The title and the heading of the page. */
  readonly title: string;
  /** Lines of the summary. */
  readonly summary: readonly string[];
  /** The items, in the order in which they are shown. */
  readonly items: readonly ItemRecord[];
}

/** One page without scripts or other files that shows items with the model's probabilities. */
export function runPage({ title, summary, items }: PageContent): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><h1>${escaped(title)}</h1>
${summary.map((line) => `<p>${escaped(line)}</p>`).join("\n")}
${items.map(article).join("\n")}
</body></html>
`;
}

function article({
  index,
  context,
  choices = [],
  probabilities = [],
  right,
  response,
  prediction,
}: ItemRecord): string {
  const rightOnes = [right].flat();
  const rows = choices.map((choice, i) => {
    const share = probabilities[i] ?? 0;
    const isRight = rightOnes.includes(i) || rightOnes.includes(choice);
    const mark = [isRight ? "right" : "", prediction === i ? "predicted" : ""].filter((word) => word !== "").join(", ");
    return `<tr${isRight ? ' class="right"' : ""}><td>${escaped(choice)}</td><td>${(100 * share).toFixed(1)} %</td><td><span class="bar" style="width:${(10 * share).toFixed(2)}rem"></span> ${mark}</td></tr>`;
  });
  const answers = (response.answers ?? []).map(
    (answer) => `<p>answer: <code>${escaped(JSON.stringify(answer))}</code></p>`,
  );
  const expected = choices.length > 0 ? "" : `<p>right: <code>${escaped(JSON.stringify(right))}</code></p>`;
  return `<article><h2>Item ${index + 1}</h2><pre>${escaped(context)}</pre><table>${rows.join("")}</table>${answers.join("")}${expected}</article>`;
}
