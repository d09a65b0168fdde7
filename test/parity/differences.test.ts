import { describe, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { ForwardPass } from "../../src/inference/forward.ts";
import { openModelFiles } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { type Parameters, parameterShapes, StepGraph } from "../../src/training/index.ts";
import {
  decoders,
  encoderDecoders,
  encoders,
  fixture,
  maxDifference,
  readTensors,
  rowsOf,
} from "../helpers/fixtures.ts";

/** Families whose gradients the reference did not record: each parameter's against finite differences of the loss. */
const models = [...decoders, ...encoders, ...encoderDecoders, "bart_mnli"];

/** In float32 a loss of about 5 is known to 5e-7, so a slope over ±STEP to about 1e-3. */
const STEP = 1e-3;
const TOLERANCE = { absolute: 3e-3, relative: 2e-2 };

describe.each(models)("%s", async (name) => {
  const directory = fixture(`models/${name}`);
  const expected = await readTensors(directory, "expected.safetensors");
  const isRecorded = Object.keys(expected).some((key) => key.startsWith("grad."));
  // Which experts a token goes to may change within a step: there the loss has a corner and no slope.
  const hasCorners = /mixtral|moe/.test(name);

  test.skipIf(isRecorded || hasCorners || !(expected.labels || expected["span.loss"]))(
    "gradients are the slopes of the loss",
    async () => {
      const { architecture, weights } = await openModelFiles(await openFiles(directory));
      // Only rows without padding: where a padded query's scores vanish beside −3e38, rounding hides the slope.
      const isWhole = rowsOf(expected.attention_mask as HostTensor).map((row) => !row.includes(0));
      const whole = <T>(all: readonly T[]): T[] => all.filter((_, i) => isWhole[i]);
      const rows = (key: string): number[][] => whole(rowsOf(expected[key] as HostTensor));
      const list = (key: string): number[] => whole(Array.from(expected[key]?.data ?? [], Number));
      const decoderRows = expected.decoder_input_ids && rows("decoder_input_ids");
      const inputs = {
        inputIds: rows("input_ids"),
        ...(expected.token_type_ids && { tokenTypeIds: rows("token_type_ids") }),
        ...(decoderRows && { decoderInputIds: decoderRows }),
        ...(expected.labels && { labels: expected.labels.shape.length === 1 ? list("labels") : rows("labels") }),
        ...(expected["span.loss"] && {
          startPositions: list("span.start_positions"),
          endPositions: list("span.end_positions"),
        }),
      };
      const parameters: Parameters = {};
      for (const path of parameterShapes(architecture).keys()) parameters[path] = await weights.read(path);
      const sizes = {
        rows: inputs.inputIds.length,
        length: inputs.inputIds[0]?.length as number,
        steps: (decoderRows ?? inputs.inputIds)[0]?.length,
      };
      const bind = (path: string) => weights.bind(path);
      const graph = await StepGraph.create(architecture, { ...sizes, bind, gradients: true });
      const plain = await StepGraph.create(architecture, { ...sizes, bind, gradients: false });
      const { gradients } = await graph.run(parameters, inputs);
      const forward = new ForwardPass(architecture, weights); // of any batch and length, whose sizes have names
      const { gradients: passed } = await forward.run(inputs, { gradients: true });
      for (const [path, gradient] of Object.entries(gradients)) {
        const own = { dtype: "float32", shape: [gradient.length], data: gradient } as const;
        const other = { ...own, data: passed?.[weights.stored(path)]?.data as Float32Array };
        expect(maxDifference(other, own), path).toBeLessThan(1e-5 * Math.max(1, ...gradient.map(Math.abs)));
      }
      await forward.dispose();
      let checked = 0;
      for (const [path, gradient] of Object.entries(gradients)) {
        const size = Math.hypot(...gradient);
        if (size < 1e-2) continue; // too flat to tell in float32
        const lossAt = async (distance: number): Promise<number> => {
          const tensor = parameters[path] as Parameters[string];
          const data = tensor.data.map((x, i) => x + (distance * (gradient[i] as number)) / size);
          return (await plain.run({ ...parameters, [path]: { ...tensor, data } }, inputs)).loss;
        };
        const over = async (h: number): Promise<number> => ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
        const slope = (4 * (await over(STEP)) - (await over(2 * STEP))) / 3; // Richardson: exact to the fourth order
        const limit = TOLERANCE.absolute + TOLERANCE.relative * size;
        expect(Math.abs(slope - size), `${path}: slope ${slope}, gradient ${size}`).toBeLessThan(limit);
        checked++;
      }
      expect(checked).toBeGreaterThan(4);
      await graph.dispose();
      await plain.dispose();
    },
  );
});
