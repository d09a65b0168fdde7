import { test } from "vitest";
import { checkRecurrence, randomTensors } from "../../../test/helpers/check-recurrence.ts";
import * as g from "../index.ts";

test("the general delta rule in chunks has the values and gradients of the rule token by token", async () => {
  const [heads, length, size, width] = [2, 70, 3, 4];
  const tensor = randomTensors(5);
  const ofTokens = (least: number, most: number, wide = size) => tensor(least, most, 1, heads, length, wide);
  const feeds = {
    q: ofTokens(-1, 1),
    k: ofTokens(-1, 1),
    v: ofTokens(-1, 1, width),
    a: ofTokens(-0.5, 0.5),
    b: ofTokens(-0.5, 0.5),
    logDecay: ofTokens(-1, 0),
    first: tensor(-1, 1, 1, heads, size, width),
    dy: ofTokens(-1, 1, width),
  };
  const inputs = Object.entries(feeds).map(([name, { shape }]) => g.input(name, "float32", shape));
  const [q, k, v, a, b, logDecay, first, dy] = inputs as [
    ...[g.Value, g.Value, g.Value, g.Value],
    ...[g.Value, g.Value, g.Value, g.Value],
  ];
  const byToken = (): { mixed: g.Value; last: g.Value } => {
    const read: g.Value[] = [];
    let state = first;
    for (let t = 0; t < length; t++) {
      const at = (x: g.Value): g.Value => g.slice(x, 2, t, t + 1);
      const outer = (x: g.Value, y: g.Value): g.Value => g.matmul(x, y, { transposeA: true });
      const kept = g.mul(state, g.reshape(g.exp(at(logDecay)), [1, heads, size, 1]));
      state = g.add(g.add(kept, outer(at(b), g.matmul(at(a), state))), outer(at(k), at(v)));
      read.push(g.matmul(at(q), state));
    }
    return { mixed: g.concat(read, 2), last: state };
  };
  const chunks = g.generalDeltaRule(q, k, v, { a, b, logDecay, first });
  await checkRecurrence(feeds, { operands: [q, k, v, a, b, logDecay, first], dy, chunks, byToken: byToken() });
});
