import { type CallContext, type Handler, type Port, serve } from "../runtime/index.ts";
import type { ForwardInputs, ForwardOptions } from "./forward.ts";
import type { Callback, GenerateRequest, ModelSource, ProvidedCallbacks } from "./host/host.ts";
import { LocalModel } from "./local-model.ts";
import type { ScoreInputs } from "./token-scores.ts";

/** Answers, in a worker, the calls of `connect`. @param own further handlers */
export function serveModel(port: Port, own: Readonly<Record<string, Handler>> = {}): void {
  let model: LocalModel | undefined;
  const opened = (): LocalModel => {
    if (!model) throw new Error("the worker was called before it opened a model");
    return model;
  };
  const handlers = {
    ...own,
    open: async (source: ModelSource, { signal }: CallContext) => {
      model = await LocalModel.open(source, signal);
      return model.description;
    },
    forward: ([inputs, options]: [ForwardInputs, ForwardOptions]) => opened().forward(inputs, options),
    score: ([inputs, adapter]: [ScoreInputs, string | null | undefined]) => opened().score(inputs, adapter),
    generate: ([request, given]: [GenerateRequest, ProvidedCallbacks], { signal, emit, callBack }: CallContext) => {
      const answer = (callback: Callback): Promise<unknown> => callBack(callback);
      return opened().generate(request, {
        signal,
        ...(given.onToken && { onToken: emit }),
        ...(given.logitsProcessor && {
          logitsProcessor: (ids, scores) => answer({ of: "logitsProcessor", ids, scores }) as Promise<Float32Array>,
        }),
        ...(given.stoppingCriteria && {
          stoppingCriteria: (ids) => answer({ of: "stoppingCriteria", ids }) as Promise<boolean>,
        }),
      });
    },
    addAdapter: ([name, location]: [string, string]) => opened().addAdapter(name, location),
    useAdapter: ([name]: [string | undefined]) => opened().useAdapter(name),
    dispose: () => opened().dispose(),
  };
  serve(port, handlers);
}
