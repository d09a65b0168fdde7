import { z } from "zod";

/** The body of POST /v1/feedback. */
export const feedbackRequest = z.strictObject({
  response_id: z.string().min(1).describe("The id of a completion, chat, response or message of this server."),
  index: z.int().min(0).nullish().describe("The answer among those of the response; default 0."),
  rating: z.enum(["up", "down"]).nullish().describe("A thumb up or down."),
  better_answer: z.string().min(1).nullish().describe("An answer that would have been better."),
  comment: z.string().nullish().describe("A remark for people; training does not read it."),
});

export type FeedbackRequest = z.infer<typeof feedbackRequest>;

export const feedbackResponse = z.object({
  object: z.literal("feedback"),
  response_id: z.string(),
  index: z.int(),
  rating: z.enum(["up", "down"]).nullable(),
});

export type FeedbackResponse = z.infer<typeof feedbackResponse>;
