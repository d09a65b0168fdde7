import { LecternError } from "../../common/index.ts";
import type { RequestContext } from "../context.ts";
import { ApiError, badField } from "../errors.ts";
import type { FeedbackRequest, FeedbackResponse } from "../schemas/feedback.ts";

/** Codes of a disk without room. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** POST /v1/feedback */
export async function feedback(body: FeedbackRequest, { feedback: desk, note }: RequestContext): Promise<object> {
  const { response_id: id, index, rating, better_answer: better, comment } = body;
  if (!desk)
    throw new ApiError(404, "this server keeps no feedback: its operator can start it with --feedback DIRECTORY", {
      code: "feedback_off",
    });
  if (!rating && !better) throw badField("rating", "give rating (up or down), better_answer, or both");
  const answers = desk.find(id);
  if (!answers)
    throw new ApiError(
      404,
      "response_id: this server does not know the response, or no longer: it remembers the last 1,000",
      {
        param: "response_id",
        code: "unknown_response",
      },
    );
  const at = index ?? 0;
  const answer = answers[at];
  if (!answer) throw badField("index", `the response has ${answers.length} answers, numbered from 0; got ${at}`);
  try {
    await desk.add({
      id,
      index: at,
      ...answer,
      ...(rating && { rating }),
      ...(better && { better }),
      ...(comment && { comment }),
    });
  } catch (error) {
    const isFull =
      error instanceof LecternError && FULL.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? "");
    if (!isFull) throw error;
    throw new ApiError(507, "the feedback is not stored: the server's disk is full", { code: "storage_full" });
  }
  note({ feedback: rating ?? "better" });
  return { object: "feedback", response_id: id, index: at, rating: rating ?? null } satisfies FeedbackResponse;
}
