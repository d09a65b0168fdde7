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

test("events of calls at the same time cross in one message, in order and before the results", async () => {
  const { port1, port2 } = new MessageChannel();
  const sent: unknown[] = [];
  const plain = portOf(port2);
  const counted: Port = {
    ...plain,
    send: (message, transfer) => {
      sent.push(message);
      plain.send(message, transfer);
    },
  };
  const started: (() => void)[] = [];
  const handlers: Record<string, Handler> = {
    async work(name: never, call) {
      await new Promise<void>((resolve) => {
        started.push(resolve);
        if (started.length === 3) for (const go of started) go();
      });
      for (let i = 0; i < 4; i++) call.emit(`${name} ${i}`);
      return name;
    },
  };
  serve(counted, handlers);
  const channel = new Channel(portOf(port1));
  const heard: Record<string, unknown[]> = { a: [], b: [], c: [] };
  const calls = Object.entries(heard).map(async ([name, own]) => {
    own.push(await channel.call("work", name, { onEvent: (event) => own.push(event) }));
  });
  await Promise.all(calls);
  for (const name of ["a", "b", "c"]) expect(heard[name]).toEqual([0, 1, 2, 3].map((i) => `${name} ${i}`).concat(name));
  expect(sent.length).toBeLessThanOrEqual(6);
  port1.close();
});
