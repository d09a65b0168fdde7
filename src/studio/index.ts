export { type StudioArguments, studioCall } from "./calls.ts";
