import { once } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { expect, test } from "vitest";
import { Channel, type Handler, type Port, serve } from "./channel.ts";

function portOf(port: MessagePort): Port {
  return {
    send: (message, transfer = []) => port.postMessage(message, transfer),
    receive: (handler) => port.on("message", handler),
  };
}

test("a call whose callback fails is rejected once the other end has stopped", async () => {
  const { port1, port2 } = new MessageChannel();
  const order: string[] = [];
  const handlers: Record<string, Handler> = {
    async work(_, call) {
      await call.callBack("callback").catch(() => order.push("asked in vain"));
      await new Promise((resolve) => setTimeout(resolve, 2));
      order.push("stopped");
    },
  };
  serve(portOf(port2), handlers);
  const onCallback = (): Promise<never> => Promise.reject(new Error("the caller's own"));
  const call = new Channel(portOf(port1)).call("work", undefined, { onCallback });
  await expect(call).rejects.toThrow("the caller's own");
  expect(order).toEqual(["asked in vain", "stopped"]);
  port1.close();
});

test("a function of the caller that throws fails its call and cancels what goes on for it", async () => {
  const { port1, port2 } = new MessageChannel();
  let signal: AbortSignal | undefined;
  const handlers: Record<string, Handler> = {
    async work(_, call) {
      signal = call.signal;
      call.emit("event");
      await once(call.signal, "abort");
    },
  };
  serve(portOf(port2), handlers);
  const onEvent = (): void => {
    throw new Error("the caller's own");
  };
  await expect(new Channel(portOf(port1)).call("work", undefined, { onEvent })).rejects.toThrow("the caller's own");
  if (!signal?.aborted) await once(signal as AbortSignal, "abort");
  port1.close();
});
