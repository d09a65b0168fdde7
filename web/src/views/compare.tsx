import { useEffect } from "preact/hooks";
import type { LensPrediction, Outcome } from "../../../src/explain/index.ts";
import type { StudioGeneration } from "../../../src/studio/generation.ts";
import { entries, type OpenModel } from "../engine.ts";
import { say } from "../i18n/index.ts";
import { model } from "../results.ts";
import {
  type Comparison,
  comparison,
  comparisons,
  layer,
  libraryOptions,
  neutralOptions,
  options,
  otherLayer,
  otherModel,
  otherText,
  text,
} from "../state.ts";
import { figure } from "../ui/figure.ts";
import { Bars, Choices, Intro, Station, Unfit } from "../ui/parts.tsx";
import { useAnswer, useModel } from "../ui/use-answer.ts";

/** One side of a comparison: its next tokens, and how it goes on. */
interface Side {
  readonly name: string;
  readonly top: readonly Outcome[] | null;
  readonly text: string | null;
}

const TOP = 8;
const NEW_TOKENS = 24;

/** Two prompts, two models or two layers side by side. */
export function CompareView() {
  const { compare: words, errors } = say.value;
  const open = model.value;
  const layers = open?.facts.layers ?? 0;
  const hasLayers = layers > 0 && open?.facts.kind === "decoder";
  const kind = comparison.value === "layers" && open && !hasLayers ? "prompts" : comparison.value;
  const second = useModel(kind === "models" ? otherModel.value : "");
  const right = kind === "models" ? second : open;
  const rightText = kind === "prompts" ? otherText.value : text.value;
  const [low, high] = [layer.value, otherLayer.value ?? layers].map((at) => Math.min(at, layers)) as [number, number];
  const left = useSide(open, text.value, kind === "layers" ? low : null);
  const other = useSide(right, rightText, kind === "layers" ? high : null);
  useEffect(() => {
    if (otherModel.value === "")
      otherModel.value =
        entries.value.find(({ name }) => name === "stories-gru")?.name ?? entries.value.at(-1)?.name ?? "";
  }, []);
  const reads = [open, right].filter((each) => each !== null).find(({ facts }) => !facts.generates);
  if (reads === open && reads) return <Unfit text={errors.needsDecoder} />;
  return (
    <>
      <Intro text={words.intro} />
      <Settings kind={kind} layers={layers} kinds={hasLayers ? comparisons : comparisons.slice(0, 2)} />
      {reads && <Unfit text={errors.needsDecoder} />}
      {left.top && other.top && <Sides left={left} right={other} />}
    </>
  );
}

/** @param at the layer whose prediction is compared; null: the model's own */
function useSide(open: OpenModel | null, prompt: string, at: number | null): Side {
  const { compare: words } = say.value;
  const isAskable = prompt.trim() !== "" && open?.facts.generates === true;
  const lens = useAnswer<LensPrediction[]>(
    open,
    isAskable && at !== null ? ["lens", { text: prompt, top: TOP }] : null,
  );
  const settings = libraryOptions({
    ...neutralOptions,
    draws: 0,
    maxNewTokens: NEW_TOKENS,
    stops: options.value.stops,
  });
  const generation = useAnswer<StudioGeneration>(
    open,
    isAskable && at === null ? ["generate", { text: prompt, options: settings, candidates: TOP }] : null,
  );
  if (at !== null) return { name: `${words.layer} ${at}`, top: lens?.[at]?.top ?? null, text: null };
  const first = generation?.steps[0]?.candidates;
  const top = first?.map(({ id, token, before }) => ({ id, label: token, probability: before })) ?? null;
  return { name: open?.name ?? "", top, text: generation?.text ?? null };
}

interface SettingsProps {
  readonly kind: Comparison;
  readonly kinds: readonly Comparison[];
  readonly layers: number;
}

function Settings({ kind, kinds, layers }: SettingsProps) {
  const { compare: words, model: modelWord, text: textWord } = say.value;
  return (
    <>
      <Choices
        name={words.kind}
        all={kinds}
        chosen={kind}
        label={(each) => words[each]}
        onChoose={(each) => (comparison.value = each)}
      />
      {kind === "prompts" && (
        <label class="field">
          <span>{`${textWord}: ${words.right}`}</span>
          <input
            type="text"
            dir="auto"
            value={otherText.value}
            onInput={(event) => (otherText.value = event.currentTarget.value)}
          />
        </label>
      )}
      {kind === "models" && (
        <label class="field">
          <span>{`${modelWord}: ${words.right}`}</span>
          <select value={otherModel.value} onChange={(event) => (otherModel.value = event.currentTarget.value)}>
            {entries.value.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {kind === "layers" && (
        <>
          <LayerSlider side="left" most={layers} at={layer.value} choose={(to) => (layer.value = to)} />
          <LayerSlider
            side="right"
            most={layers}
            at={otherLayer.value ?? layers}
            choose={(to) => (otherLayer.value = to)}
          />
        </>
      )}
    </>
  );
}

interface LayerSliderProps {
  readonly side: "left" | "right";
  readonly most: number;
  readonly at: number;
  readonly choose: (layer: number) => void;
}

function LayerSlider({ side, most, at, choose }: LayerSliderProps) {
  const { compare: words } = say.value;
  return (
    <label class="slider" for={`${side}-layer`}>
      <span>{`${words.layer}: ${words[side]}`}</span>
      <output>{Math.min(at, most)}</output>
      <input
        id={`${side}-layer`}
        type="range"
        min={0}
        max={most}
        value={Math.min(at, most)}
        onInput={(event) => choose(Number(event.currentTarget.value))}
      />
    </label>
  );
}

function Sides({ left, right }: { left: Side; right: Side }) {
  const { compare: words } = say.value;
  const [ofLeft, ofRight] = [left, right].map(
    ({ top }) => new Map(top?.map(({ label, probability }) => [label, probability])),
  ) as [Map<string, number>, Map<string, number>];
  const most = Math.max(...ofLeft.values(), ...ofRight.values());
  const labels = [...new Set([...ofLeft.keys(), ...ofRight.keys()])];
  useEffect(() => {
    figure.value = {
      name: "comparison",
      title: words.next,
      rows: labels,
      columns: [`${words.left}: ${left.name}`, `${words.right}: ${right.name}`],
      values: labels.flatMap((label) => [ofLeft.get(label) ?? 0, ofRight.get(label) ?? 0]),
      data: { left, right },
    };
  }, [left.top, right.top, words]);
  const column = ({ name, top, text }: Side, other: Map<string, number>, side: string) => (
    <figure>
      <figcaption>{`${side}: ${name}`}</figcaption>
      <Bars
        rows={(top ?? []).map(({ label, probability }) => ({
          label,
          value: probability,
          note: other.has(label) ? difference(probability - (other.get(label) as number)) : words.onlyHere,
        }))}
        name={`${side}: ${words.next}`}
        most={most}
      />
      {text !== null && (
        <p dir="auto" class="goes-on">
          <span class="small">{words.continues}</span> {text}
        </p>
      )}
    </figure>
  );
  return (
    <Station name="sides-station" title={words.next}>
      <div class="side">
        {column(left, ofRight, words.left)}
        {column(right, ofLeft, words.right)}
      </div>
      <p class="small">{words.differenceNote}</p>
    </Station>
  );
}

/** In percentage points, with its sign. */
function difference(share: number): string {
  return `${share < 0 ? "−" : "+"}${(100 * Math.abs(share)).toFixed(1)}`;
}
