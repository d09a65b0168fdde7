import { check, LecternError } from "../common/index.ts";
import { attends, type Model } from "../inference/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { heatMapSvg, xmlText } from "./heat-map-svg.ts";
import { type ExplainInput, idsOf, piecesOf } from "./input.ts";

/** Options of a picture of attention. */
export interface AttentionFigureOptions {
  /** The layer, from 0; default the last. */
  readonly layer?: number;
  /** The head, from 0; default the mean of all. */
  readonly head?: number;
  /** An SVG picture, or a page with every head of the layer; default "svg". */
  readonly format?: "svg" | "html";
  /** The tokens of a long text that are shown, its last; default 64. */
  readonly window?: number;
}

const WINDOW = 64;

/**
 * Draws what the tokens of a text attend to, as one picture that needs no program: rows are tokens that attend, columns
 * those that they attend to. Of an encoder–decoder, its encoder.
 *
 * @throws LecternError with code `unsupported` for models without attention, `usage` for a layer or head that there is not
 */
export async function attentionFigure(
  model: Model,
  input: ExplainInput,
  { layer, head, format = "svg", window = WINDOW }: AttentionFigureOptions = {},
): Promise<string> {
  const ids = idsOf(model, input, "attention");
  if (!attends(model))
    throw new LecternError("unsupported", `attention: this model (${model.family}) has none; use a transformer`);
  const { attentions, encoderAttentions } = await model.forward({ inputIds: [ids] }, { attentions: true });
  const layers = (attentions ?? encoderAttentions) as HostTensor<"float32">[];
  const at = within("layer", layer ?? layers.length - 1, layers.length);
  const weights = layers[at] as HostTensor<"float32">;
  const heads = weights.shape[1] as number;
  if (head !== undefined) within("head", head, heads);
  const tokens = piecesOf(model, ids)
    .map(({ token }) => token)
    .slice(-window);
  const svg = (of: readonly number[], name: string): string =>
    heatMapSvg({
      title: `layer ${at}, ${name}`,
      rows: tokens,
      columns: tokens,
      values: meanOf(weights, of, tokens.length),
    });
  const all = Array.from({ length: heads }, (_, i) => i);
  const chosen = head === undefined ? svg(all, `mean of ${heads} heads`) : svg([head], `head ${head}`);
  if (format === "svg") return chosen;
  const others = all.filter((i) => i !== head).map((i) => svg([i], `head ${i}`));
  return page(`Attention: ${tokens.join("")}`, [chosen, ...others]);
}

function within(name: string, value: number, count: number): number {
  check(value < count, "usage", () => `attention: ${name} must be below ${count}, which this model has; got ${value}`);
  return value;
}

/** The mean of some heads over the last rows and columns. @param weights `[1, H, T, T]` */
function meanOf({ data, shape }: HostTensor<"float32">, heads: readonly number[], count: number): Float32Array {
  const length = shape[2] as number;
  const from = length - count;
  const mean = new Float32Array(count * count);
  for (const head of heads)
    for (let row = 0; row < count; row++)
      for (let column = 0; column < count; column++) {
        const at = (head * length + row + from) * length + column + from;
        mean[row * count + column] = (mean[row * count + column] as number) + (data[at] as number) / heads.length;
      }
  return mean;
}

function page(title: string, pictures: readonly string[]): string {
  const figures = pictures.map((svg) => `<figure>${svg}</figure>`).join("\n");
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${xmlText(title)}</title>
<style>body{font-family:system-ui,sans-serif;margin:1rem;background:#fff;color:#1d1f24}main{display:flex;flex-wrap:wrap}figure{margin:0 1rem 1rem 0}</style></head>
<body><h1>${xmlText(title)}</h1><main>
${figures}
</main></body>
</html>
`;
}
