import { add, applyOne, defineComposite, mul, relu, type Value } from "lectern/graph";

/** relu(x)² (So et al., "Primer", 2021). Its gradient follows from its decomposition; a shorter one could be given. */
const squaredReluOp = defineComposite<object>({
  name: "squaredRelu",
  infer: ([x]) => [x as Value],
  decomposition([x]) {
    const positive = relu(x as Value);
    return [mul(positive, positive)];
  },
  gradient({ inputs: [x], gradients: [dy] }) {
    const positive = relu(x as Value);
    return [mul(dy as Value, add(positive, positive))];
  },
});

/** Entry by entry: `[…]` → `[…]`. */
export function squaredRelu(x: Value): Value {
  return applyOne(squaredReluOp, [x], {});
}
