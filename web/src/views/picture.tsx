import { computed, useComputed, useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { StudioMatrix, StudioTrace } from "../../../src/studio/trace.ts";
import { fill, percent, say } from "../i18n/index.ts";
import { lastStep, model, type Picture, picture, promptLength, rested } from "../results.ts";
import { head, layer, lit, options, step } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { corner, HeatMap } from "../ui/heat-map.tsx";
import { Bars, Intro, Station, Thumbnail, TokenStrip, Unfit, underlined } from "../ui/parts.tsx";

/** One head of a layer. */
export function headOf({ data, shape }: StudioMatrix, index: number): Float32Array {
  const size = (shape[1] as number) * (shape[2] as number);
  return data.subarray(index * size, (index + 1) * size);
}

/** Layer and head of the state, within what the model has. */
export const chosen = computed(() => {
  const attentions = picture.value?.trace.attentions ?? [];
  const at = Math.min(layer.value, Math.max(0, attentions.length - 1));
  return { layer: at, head: Math.min(head.value, Math.max(0, (attentions[at]?.shape[0] ?? 1) - 1)) };
});

/** The whole way from a text to its next token, and round again. */
export function PictureView() {
  const shown = picture.value;
  const { errors, picture: words } = say.value;
  if (model.value && !model.value.facts.generates) return <Unfit text={errors.encoder} />;
  if (!shown) return <Intro text={words.intro} />;
  return (
    <>
      <Intro text={say.value.picture.intro} />
      <Stepper />
      <div class="flow">
        {parts.map((part) => (
          <Part key={part.name} of={shown} part={part} />
        ))}
      </div>
    </>
  );
}

interface PartProps {
  readonly of: Picture;
  /** The step, from 0. */
  readonly at: number;
}

/** The position whose state predicts the token of a step. */
const positionOf = ({ generation }: Picture, at: number): number => generation.inputIds.length - 1 + at;

/** A part of the picture at the step of the slider while it is in sight, else at the step at which it rested. */
function Part({ of, part: Shown }: { of: Picture; part: FunctionComponent<PartProps> }) {
  const frame = useRef<HTMLDivElement>(null);
  const isSeen = useSignal(true);
  const at = useComputed(() => Math.min(isSeen.value ? step.value : rested.value, lastStep.value));
  useEffect(() => {
    if (!frame.current) return;
    const observer = new IntersectionObserver(([entry]) => (isSeen.value = entry?.isIntersecting === true));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={frame}>
      <Shown of={of} at={at.value} />
    </div>
  );
}

/** Goes back and forth through the generation, by buttons and a slider. */
export function Stepper() {
  const playing = useSignal(false);
  const { picture: words } = say.value;
  const [at, last] = [Math.min(step.value, lastStep.value), lastStep.value];
  useEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      if (step.value >= lastStep.value) playing.value = false;
      else step.value++;
    }, 900);
    return () => clearInterval(timer);
  }, [playing.value]);
  const go = (to: number): void => {
    step.value = Math.max(0, Math.min(last, to));
  };
  return (
    <div class="stepper" role="group" aria-label={fill(words.step, at + 1, last + 1)}>
      <button type="button" onClick={() => go(at - 1)} disabled={at === 0}>
        ← {words.back}
      </button>
      <input
        type="range"
        min={0}
        max={last}
        value={at}
        aria-label={fill(words.step, at + 1, last + 1)}
        onInput={(event) => go(Number(event.currentTarget.value))}
      />
      <button type="button" onClick={() => go(at + 1)} disabled={at === last}>
        {words.forward} →
      </button>
      <button type="button" class="quiet" onClick={() => (playing.value = !playing.value)} aria-pressed={playing.value}>
        {playing.value ? words.pause : words.play}
      </button>
      <output>{fill(words.step, at + 1, last + 1)}</output>
    </div>
  );
}

function Tokens({ of, at }: PartProps) {
  const { trace, facts } = of;
  const { picture: words } = say.value;
  const position = positionOf(of, at);
  const used = position + 1;
  const all = facts.contextWindow;
  const [prompt, written] = [Math.min(promptLength.value, used), Math.max(0, used - promptLength.value)];
  const share = (count: number): string => `${(100 * count) / (all ?? used)}%`;
  return (
    <Station name="tokens-station" title={words.tokens} note={words.tokensNote}>
      <TokenStrip tokens={trace.tokens} written={promptLength.value} current={position} until={position} />
      <div class="budget" role="img" aria-label={all === null ? words.windowNone : fill(words.window, used, all)}>
        <span class="prompt" style={{ width: share(prompt) }} />
        <span class="answer" style={{ width: share(written) }} />
      </div>
      <p class="small">{all === null ? words.windowNone : fill(words.window, used, all)}</p>
    </Station>
  );
}

function Embeddings({ of, at }: PartProps) {
  const { trace } = of;
  const { picture: words } = say.value;
  const { embeddings, tokens, from } = trace;
  const until = positionOf(of, at) - from + 1;
  const drawn = useMemo(() => embeddings && embeddingMap(trace, embeddings), [trace, embeddings]);
  if (!embeddings || !drawn || until < 1) return null;
  const size = embeddings.shape[1] as number;
  return (
    <Station name="embeddings-station" title={words.embeddings} note={fill(words.embeddingsNote, size)}>
      <HeatMap
        name={words.embeddings}
        {...drawn}
        until={until}
        rowsFrom={from}
        columnsFrom={null}
        signed
        describe={(row, column, value) => `${tokens[row + from]?.token} · ${column}: ${value.toFixed(3)}`}
      />
    </Station>
  );
}

/** The numbers of a token's embedding that are shown, at most. */
const EMBEDDING_COLUMNS = 96;

function embeddingMap({ tokens, from }: StudioTrace, { shape, data }: StudioMatrix) {
  const [rows, size] = shape as [number, number];
  const columns = Math.min(size, EMBEDDING_COLUMNS);
  return {
    rows: tokens.slice(from).map(({ token }) => token),
    columns: Array.from({ length: columns }, (_, i) => (i % 16 === 0 ? String(i) : "")),
    values: corner(data, size, { rows, columns }),
  };
}

function Attention({ of, at }: PartProps) {
  const { trace, facts } = of;
  const { picture: words } = say.value;
  const { attentions, tokens, from } = trace;
  const place = chosen.value;
  const matrix = attentions[place.layer];
  const until = Math.max(1, positionOf(of, at) - from + 1);
  const labels = useMemo(() => tokens.slice(from).map(({ token }) => token), [tokens, from]);
  const name = fill(words.head, place.layer + 1, place.head + 1);
  const values = useMemo(() => matrix && headOf(matrix, place.head), [matrix, place.head]);
  useEffect(() => {
    if (!values) return;
    const seen = labels.slice(0, until);
    figure.value = {
      name: `attention-layer-${place.layer + 1}-head-${place.head + 1}`,
      title: name,
      rows: seen,
      columns: seen,
      values: corner(values, labels.length, { rows: until, columns: until }),
      data: picture.value,
    };
  }, [values, until, name, picture.value]);
  if (!matrix || !values)
    return <Station name="attention-station" title={words.attention} note={words.attentionNone} />;
  const heads = matrix.shape[0] as number;
  return (
    <Station
      name="attention-station"
      title={words.attention}
      note={fill(words.attentionNote, attentions.length, heads)}
    >
      {from > 0 && <p class="small">{fill(words.earlier, tokens.length - from)}</p>}
      <div class="attention">
        <HeadGrid of={of} />
        <figure>
          <figcaption>
            <strong>{name}</strong> <span class="small">{`${words.row} · ${words.column}`}</span>
          </figcaption>
          <HeatMap
            name={name}
            rows={labels}
            columns={labels}
            values={values}
            until={until}
            rowsFrom={from}
            columnsFrom={from}
          />
        </figure>
      </div>
      {facts.kind === "decoder" && <Glance of={{ labels, values, from, until }} />}
    </Station>
  );
}

/** Every head of every layer, small: a row a layer. */
function HeadGrid({ of }: { of: Picture }) {
  const { attentions, from } = of.trace;
  const [heads = 0, size = 1] = attentions[0]?.shape ?? [];
  const until = positionOf(of, Math.min(rested.value, lastStep.value)) - from + 1;
  const share = `${(100 * size) / Math.max(1, Math.min(size, until))}%`; // each is drawn whole, and cut to what is there
  return (
    <div class="head-grid" style={{ "--heads": heads, "--share": share }}>
      <Heads attentions={attentions} />
    </div>
  );
}

function Heads({ attentions }: { attentions: readonly StudioMatrix[] }) {
  const { picture: words } = say.value;
  const heads = attentions[0]?.shape[0] ?? 0;
  return (
    <>
      {attentions.map((matrix, at) => (
        <div class="layer" key={at}>
          <span class="small" aria-hidden="true">
            {at + 1}
          </span>
          {Array.from({ length: heads }, (_, index) => (
            <Thumbnail
              key={index}
              values={headOf(matrix, index)}
              size={matrix.shape[1] as number}
              name={fill(words.head, at + 1, index + 1)}
              chosen={chosen.value.layer === at && chosen.value.head === index}
              onChoose={() => {
                layer.value = at;
                head.value = index;
              }}
            />
          ))}
        </div>
      ))}
    </>
  );
}

interface GlanceProps {
  readonly of: {
    readonly labels: readonly string[];
    readonly values: Float32Array;
    readonly from: number;
    readonly until: number;
  };
}

/** The tokens that the lit token, or else the last, looks at most. */
function Glance({ of: { labels, values, from, until } }: GlanceProps) {
  const row = Math.min(lit.value === null ? until - 1 : lit.value - from, labels.length - 1, until - 1);
  if (row < 0) return null;
  const weights = [...values.subarray(row * labels.length, row * labels.length + row + 1)];
  const top = [...weights.keys()].sort((a, b) => (weights[b] as number) - (weights[a] as number)).slice(0, 3);
  const texts = top.map((key) =>
    fill(say.value.picture.weight, labels[row] as string, labels[key] as string, percent(weights[key] as number)),
  );
  return <p class="small glance">{texts.join(" · ")}</p>;
}

function Lens({ of, at }: PartProps) {
  const { lens } = of;
  const { picture: words } = say.value;
  const layers = lens.get(positionOf(of, at));
  if (!layers) return lens.size > 0 ? <Station name="lens-station" title={words.lens} note={words.lensNote} /> : null;
  const final = layers.at(-1)?.top[0]?.id;
  return (
    <Station name="lens-station" title={words.lens} note={words.lensNote}>
      <div class="scrolls lens" tabIndex={0} role="group" aria-label={words.lens}>
        {layers.map((each) => (
          <table key={each.layer}>
            <caption>{each.layer === 0 ? words.lensStart : fill(words.lensLayer, each.layer)}</caption>
            <tbody>
              {each.top.map(({ id, label, probability }) => (
                <tr key={id} class={id === final ? "final" : ""}>
                  <th scope="row">
                    <bdi>{label.replace(/^ /, "·")}</bdi>
                  </th>
                  <td style={underlined(probability)}>{percent(probability)}</td>
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <td colSpan={2} class="small">
                  {fill(words.lensRank, each.rank)}
                </td>
              </tr>
            </tfoot>
          </table>
        ))}
      </div>
    </Station>
  );
}

function Probabilities({ of: { generation }, at }: PartProps) {
  const { picture: words, options: names } = say.value;
  const now = generation.steps[at];
  if (!now) return null;
  const drawn = now.candidates.find(({ id }) => id === now.id);
  const first = now.candidates.slice(0, 10);
  const listed = drawn && !first.includes(drawn) ? [...first.slice(0, 9), drawn] : first;
  const rows = listed.map(({ id, token, probability, after }) => {
    const removedBy = after.find((each) => each.probability === 0)?.option;
    return {
      label: token,
      value: probability,
      mark: id === now.id,
      struck: removedBy === undefined ? undefined : fill(names.removed, optionName(removedBy)),
    };
  });
  const isListed = rows.some(({ mark }) => mark);
  return (
    <Station name="probabilities-station" title={words.probabilities} note={fill(words.probabilitiesNote, rows.length)}>
      <Bars rows={rows} name={words.probabilities} />
      {!isListed && <p class="small">{fill(words.notListed, now.token)}</p>}
    </Station>
  );
}

/** An option's name in the page's language. */
export function optionName(option: string): string {
  const names = say.value.options as unknown as Readonly<Record<string, unknown>>;
  const name = names[option];
  return typeof name === "string" ? name : option;
}

function Drawn({ of, at }: PartProps) {
  const { generation, trace } = of;
  const { picture: words } = say.value;
  const now = generation.steps[at];
  if (!now) return null;
  const position = positionOf(of, at);
  const before = trace.tokens.slice(Math.max(0, position - 5), position + 1);
  const isLast = at === lastStep.value;
  return (
    <Station
      name="drawn-station"
      title={words.drawn}
      note={options.value.draws === 1 ? words.drawnNote : words.drawnGreedy}
    >
      <p class="drawn-text" dir="auto">
        <span class="before">{before.map(({ token }) => token).join("")}</span>
        <strong>{now.token}</strong>
      </p>
      {isLast ? (
        <p class="small">{fill(words.finished, words.reasons[generation.finishReason] ?? generation.finishReason)}</p>
      ) : (
        <button type="button" class="loop" onClick={() => (step.value = at + 1)}>
          ↺ {words.loop}
        </button>
      )}
      {model.value === null && <p class="small">{say.value.recorded}</p>}
    </Station>
  );
}

/** The parts, from the text to the drawn token. */
const parts: readonly FunctionComponent<PartProps>[] = [Tokens, Embeddings, Attention, Lens, Probabilities, Drawn];
