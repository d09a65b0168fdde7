import { expect, test } from "vitest";
import { checkOp } from "../../test/helpers/check-op.ts";
import { activation } from "./activations.ts";

const x = [-3.5, -0.75, 0.25, 1.5, 7, 11];

/** What transformers 5.24 makes of these, for each of its activations without weights. */
const recorded: readonly (readonly [string, readonly number[]])[] = [
  ["gelu", [-0.000814, -0.16997, 0.149677, 1.399789, 7, 11]],
  ["gelu_10", [-0.000814, -0.16997, 0.149677, 1.399789, 7, 10]],
  ["gelu_fast", [-0.000616, -0.170039, 0.149675, 1.399572, 7, 11]],
  ["gelu_new", [-0.000616, -0.170039, 0.149675, 1.399572, 7, 11]],
  ["gelu_python", [-0.000814, -0.169971, 0.149677, 1.399789, 7, 11]],
  ["gelu_pytorch_tanh", [-0.000616, -0.170039, 0.149675, 1.399572, 7, 11]],
  ["gelu_python_tanh", [-0.000616, -0.170039, 0.149675, 1.399572, 7, 11]],
  ["gelu_accurate", [-0.000616, -0.170039, 0.149675, 1.399572, 7, 11]],
  ["hardswish", [-0, -0.28125, 0.135417, 1.125, 7, 11]],
  ["laplace", [0, 0, 0.052573, 0.997529, 1, 1]],
  ["leaky_relu", [-0.035, -0.0075, 0.25, 1.5, 7, 11]],
  ["linear", [-3.5, -0.75, 0.25, 1.5, 7, 11]],
  ["mish", [-0.104096, -0.276495, 0.169572, 1.403378, 6.999989, 11]],
  ["quick_gelu", [-0.009033, -0.16361, 0.1512, 1.391662, 6.999953, 11]],
  ["relu", [0, 0, 0.25, 1.5, 7, 11]],
  ["relu2", [0, 0, 0.0625, 2.25, 49, 121]],
  ["relu6", [0, 0, 0.25, 1.5, 6, 6]],
  ["sigmoid", [0.029312, 0.320821, 0.562177, 0.817574, 0.999089, 0.999983]],
  ["silu", [-0.102593, -0.240616, 0.140544, 1.226362, 6.993623, 10.999817]],
  ["sqrtsoftplus", [0.172483, 0.62199, 0.908812, 1.304382, 2.645924, 3.316627]],
  ["swish", [-0.102593, -0.240616, 0.140544, 1.226362, 6.993623, 10.999817]],
  ["tanh", [-0.998178, -0.635149, 0.244919, 0.905148, 0.999998, 1]],
];

test.each(recorded)("%s has the reference's values, and their gradient", async (name, expected) => {
  await checkOp(name, { build: activation(name), operands: [{ shape: [x.length], values: x }], expected });
});

test("an activation with weights of its own is refused by name, an unknown one with the nearest", () => {
  expect(() => activation("prelu")).toThrow(/activation "prelu" has weights of its own and is not supported/);
  expect(() => activation("gelo")).toThrow(/activation "gelo" is not known; did you mean gelu\?/);
  expect(() => activation("constructor")).toThrow(/activation "constructor" is not known/);
});
