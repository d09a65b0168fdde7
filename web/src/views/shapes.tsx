import { useEffect } from "preact/hooks";
import type { Outcome } from "../../../src/explain/index.ts";
import type { StudioGeneration } from "../../../src/studio/generation.ts";
import type { StudioMatrix, StudioTrace } from "../../../src/studio/trace.ts";
import { entries, type StudioModel } from "../engine.ts";
import { fill, say } from "../i18n/index.ts";
import { model } from "../results.ts";
import { modelName, otherText, text } from "../state.ts";
import { figure } from "../ui/figure.ts";
import { HeatMap } from "../ui/heat-map.tsx";
import { Bars, Intro, Station } from "../ui/parts.tsx";
import { useAnswer, useModel } from "../ui/use-answer.ts";

/** 1 where any head of any layer attends, else 0: the mask, as it is measured. */
export function maskOf(layers: readonly StudioMatrix[]): Float32Array {
  const [, rows = 0, columns = 0] = layers[0]?.shape ?? [];
  const mask = new Float32Array(rows * columns);
  for (const { data } of layers) for (const [i, weight] of data.entries()) if (weight > 0) mask[i % mask.length] = 1;
  return mask;
}

const has = (name: string): boolean => entries.value.some((entry) => entry.name === name);

/** The bundled model of a shape, else the page's own if it has that shape. */
function nameOf(bundled: string, kind: StudioModel["kind"]): string {
  if (has(bundled)) return bundled;
  return model.value?.facts.kind === kind ? modelName.value : "";
}

/** The three shapes of transformers: what each token may see, and what each is for. */
export function ShapesView() {
  const { shapes: words } = say.value;
  const encoder = useModel(nameOf("sentiment", "encoder"));
  const decoder = useModel(nameOf("stories", "decoder"));
  const both = useModel(nameOf("translate", "encoder-decoder"));
  const asked = text.value.trim() === "" ? null : { text: text.value };
  const ofEncoder = useAnswer<StudioTrace>(encoder, asked && ["trace", asked]);
  const classes = useAnswer<Outcome[]>(encoder?.facts.classes ? encoder : null, asked && ["classify", asked]);
  const ofDecoder = useAnswer<StudioTrace>(decoder, asked && ["trace", asked]);
  const greedy = { doSample: false, maxNewTokens: 24 };
  const goesOn = useAnswer<StudioGeneration>(
    decoder,
    asked && ["generate", { ...asked, options: { ...greedy, maxNewTokens: 12 }, candidates: 1 }],
  );
  const source = both && asked ? `${both.facts.prefixes[0] ?? ""}${asked.text}` : null;
  const translated = useAnswer<StudioGeneration>(
    both,
    source ? ["generate", { text: source, options: greedy, candidates: 1 }] : null,
  );
  const decoderIds = translated && [both?.facts.startToken, ...translated.steps.slice(0, -1).map(({ id }) => id)];
  const ofBoth = useAnswer<StudioTrace>(both, translated ? ["trace", { ids: translated.inputIds, decoderIds }] : null);
  useEffect(() => {
    if (!ofDecoder) return;
    const labels = ofDecoder.tokens.map(({ token }) => token);
    figure.value = {
      name: "mask",
      title: words.decoder,
      rows: labels,
      columns: labels,
      values: maskOf(ofDecoder.attentions),
      data: { encoder: ofEncoder, decoder: ofDecoder, encoderDecoder: ofBoth },
    };
  }, [ofEncoder, ofDecoder, ofBoth, words]);
  return (
    <>
      <Intro text={words.intro} question={words.question} />
      <label class="field">
        <span>{say.value.text}</span>
        <input
          type="text"
          dir="auto"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </label>
      <div class="columns shapes">
        {ofEncoder && (
          <Station name="encoder-station" title={words.encoder} note={words.encoderNote}>
            <Mask of={ofEncoder} layers={ofEncoder.attentions} name={words.encoder} />
            {classes?.[0] && <p>{fill(words.classifies, classes[0].label)}</p>}
            <FilledMasks />
          </Station>
        )}
        {ofDecoder && (
          <Station name="decoder-station" title={words.decoder} note={words.decoderNote}>
            <Mask of={ofDecoder} layers={ofDecoder.attentions} name={words.decoder} />
            {goesOn && <p dir="auto">{fill(words.generates, goesOn.text)}</p>}
          </Station>
        )}
        {ofBoth && (
          <Station name="both-station" title={words.both} note={words.bothNote}>
            <Mask of={ofBoth} layers={ofBoth.decoderAttentions} name={`${words.both}: ${words.own}`} own />
            <Mask of={ofBoth} layers={ofBoth.crossAttentions} name={`${words.both}: ${words.source}`} across />
            {translated && <p dir="auto">{fill(words.generates, translated.text)}</p>}
          </Station>
        )}
      </div>
    </>
  );
}

/** Words for the masks of a text, by the page's own model if it fills masks, else by the bundled one that does. */
function FilledMasks() {
  const { shapes: words } = say.value;
  const isOwn = typeof model.value?.facts.maskToken === "string";
  const filler = useModel(isOwn ? modelName.value : has("masked") ? "masked" : "");
  const mask = filler?.facts.maskToken ?? "";
  const isAsked = mask !== "" && otherText.value.includes(mask);
  const filled = useAnswer<Outcome[][]>(filler, isAsked ? ["fill", { text: otherText.value, top: 6 }] : null);
  if (!filler || mask === "") return null;
  return (
    <div class="filled">
      <label class="field">
        <span>{fill(words.masked, mask)}</span>
        <input
          type="text"
          dir="auto"
          value={otherText.value}
          onInput={(event) => (otherText.value = event.currentTarget.value)}
        />
      </label>
      {isAsked &&
        filled?.map((outcomes, i) => (
          <Bars
            key={i}
            name={fill(words.filled, i + 1)}
            rows={outcomes.map(({ label, probability }) => ({ label, value: probability }))}
          />
        ))}
    </div>
  );
}

interface MaskProps {
  readonly of: StudioTrace;
  readonly layers: readonly StudioMatrix[];
  readonly name: string;
  /** True for the decoder's own tokens. */
  readonly own?: boolean;
  /** True for rows of the decoder over columns of the encoder. */
  readonly across?: boolean;
}

function Mask({ of, layers, name, own = false, across = false }: MaskProps) {
  const [, rows = 0, columns = 0] = layers[0]?.shape ?? [];
  const source = of.tokens.map(({ token }) => token).slice(-columns);
  const written = (of.decoderTokens ?? []).map(({ token }) => token).slice(-rows);
  return (
    <HeatMap
      name={name}
      rows={own || across ? written : source}
      columns={own ? written : source}
      values={maskOf(layers)}
      rowsFrom={own || across ? null : of.from}
      columnsFrom={own ? null : of.from}
    />
  );
}
