import { median } from "../common/index.ts";
/**
 * Questions about subjects that few folders share. Their best scores in an index show how near an unrelated question comes.
 */
export const unrelatedQuestions = [
  "How long does it take to boil an egg?",
  "Who won the football world cup in 1998?",
  "What is the best time of year to prune apple trees?",
  "How do I get a stain of red wine out of a shirt?",
  "Which planet has the most moons?",
  "When did the Roman Empire fall?",
  "How often should a puppy be fed?",
  "What are the symptoms of the flu?",
  "How do I change a flat tyre?",
  "What is the capital of Mongolia?",
  "Who painted the ceiling of the Sistine Chapel?",
  "How much notice must a landlord give a tenant?",
  "What causes thunder?",
  "How do I tie a bowline knot?",
  "Which strings of a violin are tuned in fifths?",
  "Is it safe to eat mushrooms from the forest?",
  "How is cheese made from milk?",
  "What should I wear to a wedding in summer?",
  "Why do cats purr?",
  "How deep is the Mariana Trench?",
  "What is a good opening move in chess?",
  "How do I calm a crying baby?",
  "Which vaccines do I need to travel to Brazil?",
  "How is a mortgage different from a loan?",
] as const;

/** The number of standard deviations; 7 % of a normal distribution lie beyond one and a half. */
const DEVIATIONS = 1.5;

/** Of a normal distribution, the standard deviation is so many times the median absolute deviation. */
const NORMAL = 1.4826;

/**
 * The score that few unrelated questions reach, from the best scores of some: their median and one and a half standard deviations. The
 * deviation is estimated by the median absolute one, which some questions that are about the folder after all do not move.
 */
export function thresholdOf(best: readonly number[]): number {
  const middle = median(best);
  return middle + DEVIATIONS * NORMAL * median(best.map((score) => Math.abs(score - middle)));
}
