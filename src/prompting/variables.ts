import { check, checkFields, isObject, LecternError, type Rules, rules, shown, suggestion } from "../common/index.ts";

/** The types of a prompt's variables, as JSON Schema names them. */
export const variableTypes = ["string", "number", "integer", "boolean", "array", "object"] as const;
/** The type of a prompt's variable, as JSON Schema names it. */
export type VariableType = (typeof variableTypes)[number];

/** The settings of one variable. */
export interface VariableSettings {
  /** Default `string`. */
  readonly type?: VariableType | undefined;
  /** A text for readers of the definition; no template reads it. */
  readonly description?: string | undefined;
  /** The value where none is given. */
  readonly default?: unknown;
  /** All values that it may have. */
  readonly enum?: readonly unknown[] | undefined;
}

/** A variable, by its type alone or with settings. */
export type Variable = VariableType | VariableSettings;

interface TypeOf {
  readonly string: string;
  readonly number: number;
  readonly integer: number;
  readonly boolean: boolean;
  readonly array: readonly unknown[];
  readonly object: object;
}

type ValueOf<V extends Variable> = V extends VariableType
  ? TypeOf[V]
  : V extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : V extends { readonly type: infer T extends VariableType }
      ? TypeOf[T]
      : string;

/**
 * The values that a prompt is rendered with, by its variables. Each may be left out here: those with a default, and those
 * of the answer alone, need no value; any other that is missing is an error of the call.
 */
export type ValuesOf<V extends Readonly<Record<string, Variable>>> = string extends keyof V
  ? Values
  : { readonly [Name in keyof V]?: ValueOf<V[Name]> | undefined };

/** Values by the names of variables. */
export type Values = Readonly<Record<string, unknown>>;

/** Variables with every setting that was left out. */
export type Variables = ReadonlyMap<string, VariableSettings & { readonly type: VariableType }>;

const fits: Readonly<Record<VariableType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number" && Number.isFinite(value),
  integer: (value) => Number.isSafeInteger(value),
  boolean: (value) => typeof value === "boolean",
  array: (value) => Array.isArray(value),
  object: isObject,
};

const settingRules: Rules = {
  type: {
    fits: (value) => variableTypes.some((type) => type === value),
    expected: `one of ${variableTypes.join(", ")}`,
  },
  description: rules.text,
  default: { fits: () => true, expected: "a value" },
  enum: { fits: (value) => Array.isArray(value) && value.length > 0, expected: "a list of values" },
};

/** Checks the declarations of variables. @param what the prompt, for messages */
export function readVariables(what: string, given: Readonly<Record<string, Variable>>): Variables {
  const variables = new Map<string, VariableSettings & { readonly type: VariableType }>();
  for (const [name, variable] of Object.entries(given)) {
    const place = `${what}: variable ${name}`;
    check(
      /^[A-Za-z_]\w*$/.test(name),
      "usage",
      () => `${what}: a variable's name has letters, digits and underscores; got ${shown(name)}`,
    );
    const settings = typeof variable === "string" ? { type: variable } : variable;
    checkFields(place, settings, settingRules, "setting");
    const full = { ...settings, type: settings.type ?? typeOfValues(settings) };
    variables.set(name, full);
    checkEnum(place, full);
    if (full.default !== undefined) checkVariable(place, full.default, full);
  }
  return variables;
}

function typeOfValues({ enum: values, default: value }: VariableSettings): VariableType {
  const first = values?.[0] ?? value;
  return (
    (["string", "boolean", "integer", "number", "array", "object"] as const).find((type) => fits[type](first)) ??
    "string"
  );
}

function checkEnum(place: string, settings: VariableSettings & { readonly type: VariableType }): void {
  const { enum: values, type } = settings;
  if (!values) return;
  for (const [i, value] of values.entries()) {
    check(fits[type](value), "usage", () => `${place}: ${shown(value)} of its enum is no ${type}`);
    check(values.indexOf(value) === i, "usage", () => `${place}: ${shown(value)} stands twice in its enum`);
  }
}

function checkVariable(
  place: string,
  value: unknown,
  settings: VariableSettings & { readonly type: VariableType },
): void {
  const { type, enum: values } = settings;
  check(fits[type](value), "input", () => `${place} must be of type ${type}; got ${shown(value)}`);
  check(
    !values || values.includes(value),
    "input",
    () => `${place} must be one of ${values?.map(shown).join(", ")}; got ${shown(value)}`,
  );
}

/**
 * The values of a prompt's variables, defaults filled in.
 *
 * @param needed the variables that must have a value
 * @throws LecternError for a value that is missing, of another type, or of no variable
 */
export function checkValues(what: string, values: Values, variables: Variables, needed: ReadonlySet<string>): Values {
  const filled: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const settings = variables.get(name);
    if (!settings)
      throw new LecternError("usage", `${what}: there is no variable ${name}${suggestion(name, variables.keys())}`);
    if (value !== undefined) checkVariable(`${what}: variable ${name}`, value, settings);
  }
  for (const [name, settings] of variables) {
    const value = values[name] ?? settings.default;
    if (value !== undefined) filled[name] = value;
    else check(!needed.has(name), "input", () => `${what}: variable ${name} needs a value of type ${settings.type}`);
  }
  return filled;
}
