let last: Promise<unknown> = Promise.resolve();

/**
 * Runs calls of the page's engine one after another. ONNX Runtime's build for WebAssembly puts a run's arguments on a
 * stack before it waits for its tensors: a second run begun meanwhile overwrites them, and the first fails or is wrong.
 */
export function inTurn<T>(call: () => Promise<T>): Promise<T> {
  const result = last.then(call, call);
  last = result;
  return result;
}
