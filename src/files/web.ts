/** Parts for pages alone. */
export { fetchOnce } from "./files-web.ts";
export { isServed } from "./served-web.ts";
