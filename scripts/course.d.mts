/** A code block of the course, and the output that the page shows behind it. */
export interface CourseStep {
  readonly language: "sh" | "js";
  readonly code: string;
  readonly output: string | undefined;
}
/** The paths of the course's pages. */
export const pages: readonly string[];
/** The code blocks of a page that run. */
export function stepsOf(page: string): CourseStep[];
/** A folder like a clone, in which the steps run. */
export function openFolder(): { readonly folder: string; close(): void };
/** Runs a step; returns what it prints on standard output. */
export function runStep(step: CourseStep, folder: string): string;
