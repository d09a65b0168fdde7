export { TemplateError } from "./errors.ts";
export { textFunction } from "./globals.ts";
export { Template } from "./template.ts";
