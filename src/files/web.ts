/** Parts for pages alone. */
export { fetchOnce } from "./files-web.ts";
export { filesBelow, isInMemory, writeMemory } from "./memory-web.ts";
export { isServed } from "./served-web.ts";
