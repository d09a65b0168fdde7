export { TemplateError } from "./errors.ts";
export { textFunction } from "./globals.ts";
export { type Partials, type RenderOptions, Template } from "./template.ts";
export { Float } from "./values.ts";
