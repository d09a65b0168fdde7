/**
 * C0 and C1 control characters except newline and tab, DEL, and the characters that reorder text (U+202A to U+202E,
 * U+2066 to U+2069). A carriage return passes only before a newline, where it moves nothing that is read.
 */
const CONTROLS = /\r(?!\n)|(?![\t\n\r])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu;

/** Text in which a control character is shown as `\u001b`, also valid inside a JSON string, and so is not executed. */
export function visibleControls(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
