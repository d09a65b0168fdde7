import { isObject } from "../common/index.ts";
import { invalid, refuse } from "./budget.ts";

/** A schema in its document. */
export interface Location {
  readonly value: boolean | Readonly<Record<string, unknown>>;
  /** The JSON pointer from the root of the document, "" for the root. */
  readonly pointer: string;
  /** The URI that its references are relative to. */
  readonly base: string;
}

const ROOT = "schema:///root";

/** Keywords whose value is a schema, a list of schemas, or an object of schemas. */
const ONE = [
  "additionalProperties",
  "propertyNames",
  "items",
  "contains",
  "not",
  "if",
  "then",
  "else",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contentSchema",
];
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"];
const OBJECTS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/** So many values may a schema hold, and so deep may it be nested. */
const MOST_VALUES = 200_000;
const DEEPEST = 400;

export function escapePointer(key: string | number): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Refuses what is no JSON, is too large, too deep or refers to itself as a value. */
export function checkJson(schema: unknown): void {
  const waiting: { value: unknown; pointer: string; depth: number }[] = [{ value: schema, pointer: "", depth: 0 }];
  let count = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, pointer, depth } = next;
    if (++count > MOST_VALUES) throw refuse("", `the schema holds more than ${MOST_VALUES} values`);
    if (depth > DEEPEST) throw refuse(`${pointer.slice(0, 60)}…`, `the schema is nested deeper than ${DEEPEST}`);
    const isJson =
      value === null ||
      ["string", "boolean"].includes(typeof value) ||
      (typeof value === "number" && Number.isFinite(value));
    if (Array.isArray(value))
      for (const [i, item] of value.entries())
        waiting.push({ value: item, pointer: `${pointer}/${i}`, depth: depth + 1 });
    else if (isObject(value)) {
      const plain = Object.getPrototypeOf(value);
      if (plain !== Object.prototype && plain !== null)
        throw invalid(pointer, "it must be plain JSON; convert it first, as a zod schema with z.toJSONSchema");
      for (const [key, item] of Object.entries(value)) {
        if (item !== undefined)
          waiting.push({ value: item, pointer: `${pointer}/${escapePointer(key)}`, depth: depth + 1 });
      }
    } else if (!isJson) throw invalid(pointer, `it must be JSON; got ${typeof value}`);
  }
}

/** Requires a schema: an object or a boolean. */
export function schemaAt(value: unknown, pointer: string, base: string): Location {
  if (typeof value === "boolean") return { value, pointer, base };
  if (!isObject(value)) throw invalid(pointer, "a schema must be an object, true or false");
  const { $id: id } = value;
  if (id !== undefined && typeof id !== "string") throw invalid(`${pointer}/$id`, "it must be a text");
  return { value, pointer, base: id === undefined ? base : resolve(id, base, `${pointer}/$id`) };
}

function resolve(reference: string, base: string, pointer: string): string {
  try {
    return new URL(reference, base).href;
  } catch {
    throw invalid(pointer, `${reference} is no URI reference`);
  }
}

/** The places that references of a document lead to. */
export class References {
  readonly root: Location;
  readonly #resources = new Map<string, Location>();
  readonly #anchors = new Map<string, Location>();
  readonly #dynamic = new Map<string, Location[]>();

  constructor(schema: unknown) {
    checkJson(schema);
    this.root = schemaAt(schema, "", ROOT);
    this.#resources.set(ROOT, this.root);
    const waiting = [this.root];
    for (let at = waiting.pop(); at; at = waiting.pop()) {
      this.#note(at);
      waiting.push(...subschemas(at));
    }
  }

  #note(at: Location): void {
    if (typeof at.value === "boolean") return;
    const { $id: id, $anchor: anchor, $dynamicAnchor: dynamic } = at.value;
    if (id !== undefined) this.#resources.set(at.base.replace(/#$/, ""), at);
    for (const name of [anchor, dynamic])
      if (typeof name === "string") this.#anchors.set(`${at.base.replace(/#.*$/, "")}#${name}`, at);
    if (typeof dynamic === "string") this.#dynamic.set(dynamic, [...(this.#dynamic.get(dynamic) ?? []), at]);
  }

  /** The schema that a reference names. @param pointer of the reference */
  find(reference: string, base: string, pointer: string): Location {
    const uri = resolve(reference, base, pointer);
    const [address = "", fragment = ""] = uri.split("#", 2);
    const anchored = fragment === "" ? undefined : this.#anchors.get(`${address}#${fragment}`);
    if (anchored) return anchored;
    const resource = this.#resources.get(address);
    if (!resource)
      throw refuse(pointer, `${reference} lies outside of this schema, and nothing is fetched; copy it into $defs`);
    if (fragment === "") return resource;
    if (!fragment.startsWith("/")) throw invalid(pointer, `the schema has no anchor #${fragment}`);
    return follow(resource, fragment, pointer);
  }

  /** The schema that a `$dynamicRef` names, where only one can be meant. */
  findDynamic(reference: string, base: string, pointer: string): Location {
    const found = this.find(reference, base, pointer);
    const name = reference.split("#", 2)[1] ?? "";
    const same = this.#dynamic.get(name) ?? [];
    if (same.length > 1 && same.includes(found))
      throw refuse(
        pointer,
        `$dynamicRef ${reference} may mean ${same.length} schemas, by the way that leads to it; use $ref`,
      );
    return found;
  }
}

/** The schemas that keywords of a schema hold. */
function subschemas({ value, pointer, base }: Location): Location[] {
  if (typeof value === "boolean") return [];
  const isSchema = (one: unknown): boolean => typeof one === "boolean" || isObject(one);
  const found = ONE.flatMap((key) => (isSchema(value[key]) ? [[value[key], `${pointer}/${key}`] as const] : []));
  for (const key of LISTS)
    if (Array.isArray(value[key]))
      found.push(...value[key].flatMap((one, i) => (isSchema(one) ? [[one, `${pointer}/${key}/${i}`] as const] : [])));
  for (const key of OBJECTS)
    if (isObject(value[key]))
      for (const [name, one] of Object.entries(value[key]))
        if (isSchema(one)) found.push([one, `${pointer}/${key}/${escapePointer(name)}`]);
  return found.map(([one, at]) => schemaAt(one, at, base));
}

/** Follows a JSON pointer from a resource. */
function follow(resource: Location, fragment: string, pointer: string): Location {
  let { value, base }: { value: unknown; base: string } = resource;
  let path = resource.pointer;
  for (const part of fragment.split("/").slice(1)) {
    let key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    try {
      key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    } catch {
      // a percent sign that encodes nothing stands for itself
    }
    const holds = (Array.isArray(value) || isObject(value)) && Object.hasOwn(value, key);
    if (!holds) throw invalid(pointer, `the schema has nothing at #${fragment}`);
    value = (value as Record<string, unknown>)[key];
    path += `/${escapePointer(key)}`;
    if (isObject(value) && typeof value.$id === "string") base = resolve(value.$id, base, `${path}/$id`);
  }
  return schemaAt(value, path, base);
}
