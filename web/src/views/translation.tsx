import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visibleToken } from "../../../src/explain/heat-map-svg.ts";
import type { StudioBeam, StudioGeneration } from "../../../src/studio/generation.ts";
import type { StudioMatrix, StudioTrace } from "../../../src/studio/trace.ts";
import { fill, say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { layer, step, text } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { HeatMap } from "../ui/heat-map.tsx";
import { Bars, Choices, Intro, Station, TokenStrip, Unfit } from "../ui/parts.tsx";
import { useAnswer } from "../ui/use-answer.ts";

const BEAMS = 4;
const MOST_TOKENS = 48;

/** A translation: what is read once, the loop of what is written, the alignment, and the beams. */
export function TranslationView() {
  const { translation: words, errors } = say.value;
  const open = model.value;
  const prefix = useSignal("");
  const isFit = open?.facts.kind === "encoder-decoder" && open.facts.startToken !== null;
  const prefixes = open?.facts.prefixes ?? [];
  const chosen = prefixes.includes(prefix.value) ? prefix.value : (prefixes[0] ?? "");
  const source = text.value.trim() === "" ? null : `${chosen}${text.value}`;
  const options = { doSample: false, maxNewTokens: MOST_TOKENS };
  const generation = useAnswer<StudioGeneration>(
    open,
    isFit && source ? ["generate", { text: source, options, candidates: 6 }] : null,
  );
  const beams = useAnswer<StudioBeam[]>(
    open,
    isFit && source ? ["beams", { text: source, beams: BEAMS, options }] : null,
  );
  const decoderIds = generation && [open?.facts.startToken, ...generation.steps.slice(0, -1).map(({ id }) => id)];
  const trace = useAnswer<StudioTrace>(
    open,
    generation ? ["trace", { ids: generation.inputIds, decoderIds, window: 48 }] : null,
  );
  if (open && !isFit) return <Unfit text={errors.needsTranslator} />;
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      {prefixes.length > 0 && (
        <Choices
          name={words.task}
          all={prefixes}
          chosen={chosen}
          label={(each) => each.trim().replace(/:$/, "")}
          onChoose={(each) => (prefix.value = each)}
        />
      )}
      {generation && trace?.decoderTokens && trace.decoderTokens.length === generation.steps.length && (
        <>
          <Loop generation={generation} trace={trace} />
          <Alignment generation={generation} trace={trace} />
        </>
      )}
      {beams && <Beams of={beams} />}
    </>
  );
}

/** What the encoder reads, what the decoder has written so far, and what it may write next. */
function Loop({ generation, trace }: { generation: StudioGeneration; trace: StudioTrace }) {
  const { translation: words, picture } = say.value;
  const last = generation.steps.length - 1;
  const at = Math.min(step.value, last);
  const now = generation.steps[at];
  const go = (to: number): void => {
    step.value = Math.max(0, Math.min(last, to));
  };
  return (
    <Station name="loop-station" title={words.loop}>
      <p class="small">{words.reads}</p>
      <TokenStrip tokens={trace.tokens} />
      <div class="stepper" role="group" aria-label={words.loop}>
        <button type="button" onClick={() => go(at - 1)} disabled={at === 0}>
          ← {picture.back}
        </button>
        <input
          type="range"
          min={0}
          max={last}
          value={at}
          aria-label={fill(picture.step, at + 1, last + 1)}
          onInput={(event) => go(Number(event.currentTarget.value))}
        />
        <button type="button" onClick={() => go(at + 1)} disabled={at === last}>
          {picture.forward} →
        </button>
        <output>{fill(picture.step, at + 1, last + 1)}</output>
      </div>
      <p class="decoded" dir="auto">
        <span class="small">{words.writes}</span>
        {(trace.decoderTokens ?? []).slice(0, at + 1).map(({ token }, i) => (
          <bdi class="token written" key={i}>
            {i === 0 ? `${words.start} ${token}` : visibleToken(token)}
          </bdi>
        ))}
        <span class="small">{words.chooses}</span>
      </p>
      {now && (
        <Bars
          rows={now.candidates.map(({ id, token, probability }) => ({
            label: token,
            value: probability,
            mark: id === now.id,
          }))}
          name={words.chooses}
          most={1}
        />
      )}
    </Station>
  );
}

/** The mean over the heads. */
function meanOf({ data, shape }: StudioMatrix): Float32Array {
  const [heads, rows, columns] = shape as [number, number, number];
  const mean = new Float32Array(rows * columns);
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < mean.length; i++)
      mean[i] = (mean[i] as number) + (data[head * mean.length + i] as number) / heads;
  return mean;
}

function Alignment({ generation, trace }: { generation: StudioGeneration; trace: StudioTrace }) {
  const { translation: words } = say.value;
  const layers = trace.crossAttentions;
  const at = Math.min(layer.value, layers.length - 1);
  const matrix = layers[at];
  const written = generation.steps.map(({ token }) => token).slice(-(matrix?.shape[1] ?? 0));
  const read = trace.tokens.slice(trace.from).map(({ token }) => token);
  useEffect(() => {
    if (!matrix) return;
    figure.value = {
      name: `alignment-layer-${at + 1}`,
      title: words.alignment,
      rows: written,
      columns: read,
      values: meanOf(matrix),
      data: { generation, trace },
    };
  }, [matrix, words]);
  if (!matrix) return null;
  return (
    <Station name="alignment-station" title={words.alignment} note={words.mean}>
      <Choices
        name={words.layerOf}
        all={layers.map((_, i) => i)}
        chosen={at}
        label={(i) => `${words.layerOf} ${i + 1}`}
        onChoose={(i) => (layer.value = i)}
      />
      <HeatMap
        name={words.alignment}
        rows={written}
        columns={read}
        values={meanOf(matrix)}
        rowsFrom={null}
        columnsFrom={trace.from}
      />
    </Station>
  );
}

/** A beginning that hypotheses share, and how each goes on. */
interface Branch {
  readonly text: string;
  readonly branches: readonly Branch[];
  readonly score: number;
}

/** Joins hypotheses by the tokens that they begin with. */
export function branchesOf(beams: readonly StudioBeam[], from = 0): Branch[] {
  const groups = new Map<number | undefined, StudioBeam[]>();
  for (const beam of beams) {
    const group = groups.get(beam.ids[from]);
    if (group) group.push(beam);
    else groups.set(beam.ids[from], [beam]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [StudioBeam, ...StudioBeam[]];
    let to = from + 1;
    while (to < first.ids.length && group.every(({ ids }) => ids[to] === first.ids[to])) to++;
    const rest = group.filter(({ ids }) => ids.length > to);
    const text = first.tokens.slice(from, to).join("");
    return { text, branches: branchesOf(rest, to), score: Math.max(...group.map(({ score }) => score)) };
  });
}

function Beams({ of }: { of: readonly StudioBeam[] }) {
  const { translation: words } = say.value;
  const best = Math.max(...of.map(({ score }) => score));
  const list = (branches: readonly Branch[]) => (
    <ul>
      {branches.map((branch, i) => (
        <li key={i} class={branch.score === best ? "best" : ""}>
          <bdi class="path">{visibleToken(branch.text)}</bdi>
          {branch.branches.length === 0 ? <span class="small"> {branch.score.toFixed(2)}</span> : list(branch.branches)}
        </li>
      ))}
    </ul>
  );
  return (
    <Station name="beams-station" title={words.beams} note={fill(words.beamsNote, of.length)}>
      <div class="tree">{list(branchesOf(of))}</div>
    </Station>
  );
}
