import type { z } from "zod";
import { ApiError } from "./errors.ts";
import type { responseFormat } from "./schemas/chat.ts";

/** Refuses a format of answers that cannot be enforced. */
export function checkResponseFormat(format: z.infer<typeof responseFormat> | null | undefined): void {
  if (!format || format.type === "text") return;
  throw new ApiError(400, `response_format: ${format.type} is not supported: ask for it in the prompt`, {
    param: "response_format",
    code: "unsupported_parameter",
  });
}
