export { type FeedbackEntry, promptText } from "./entry.ts";
export { type FeedbackPairs, type PreferencePair, preferencePairs } from "./pairs.ts";
export { type CollectedFeedback, collectFeedback, FeedbackWriter } from "./store.ts";
