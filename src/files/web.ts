/** Parts for pages alone. */
export { fetchOnce } from "./files-web.ts";
export { filesAt, isInMemory, writeMemory } from "./memory-web.ts";
export { isServed } from "./served-web.ts";
