import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { check, isObject, LecternError, shown, suggestion } from "../../common/index.ts";
import { packageRoot } from "../../common/node.ts";
import { parseYaml, type RawConfig, readYaml } from "./harness-config.ts";
import { harnessTask, type TaskOptions } from "./harness-task.ts";
import { nativeTask } from "./native-task.ts";
import type { GroupAggregate, Task, TaskGroup } from "./task.ts";

/** The options of a task inside of other files. */
interface LoadOptions extends TaskOptions {
  /** The files that it is inside of, the outermost first. */
  readonly within?: readonly string[];
}

const EXTENSIONS: readonly string[] = [".yaml", ".yml", ".json"];

/** The folder of the tasks that come with Lectern. */
const bundledFolder = (): string => join(packageRoot(), "tasks");

/** The names of the tasks that come with Lectern. */
export function bundledTasks(): string[] {
  const folder = bundledFolder();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => basename(name, ".yaml"))
    .sort();
}

/**
 * Loads a task: a file of Lectern's own (`type: …`), a task file or a group file of lm-evaluation-harness, or the name of
 * a task that comes with Lectern.
 *
 * @throws LecternError where the file cannot be read, or has a key that is not known
 */
export function loadTask(name: string, options: TaskOptions = {}): Task | TaskGroup {
  return load(name, options);
}

function load(name: string, options: LoadOptions): Task | TaskGroup {
  const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  const path = EXTENSIONS.includes(extname(name)) || isThere(name) ? name : join(bundledFolder(), `${name}.yaml`);
  if (!isThere(path))
    throw new LecternError(
      "usage",
      `there is no task ${name}: give a task file${suggestion(name, bundledTasks()).replace("; known", "; bundled tasks")}`,
    );
  const own = inside(path, options);
  const raw = path.endsWith(".json") ? parseYaml(readFileSync(path, "utf8"), path) : readYaml(path); // JSON is YAML
  const isNative = raw.type !== undefined || Array.isArray(raw.tasks);
  return build(isNative ? parseYaml(readFileSync(path, "utf8"), path, "1.2") : raw, path, own);
}

/** The options for what a file holds. @throws LecternError for a file that is inside of itself */
function inside(path: string, { within = [], ...options }: LoadOptions): LoadOptions {
  const own = resolve(path);
  check(!within.includes(own), "input", () => `${path}: the group contains itself, by way of ${within.join(", ")}`);
  return { ...options, within: [...within, own] };
}

function build(raw: RawConfig, path: string, options: LoadOptions): Task | TaskGroup {
  if (Array.isArray(raw.task) || (typeof raw.group === "string" && raw.dataset_path === undefined))
    return harnessGroup(raw, path, options);
  if (Array.isArray(raw.tasks)) return nativeGroup(raw, path, options);
  if (raw.type !== undefined || (raw.task === undefined && raw.dataset_path === undefined))
    return nativeTask(raw, path, options);
  return harnessTask(raw, path, options);
}

/**
 * Several tasks of Lectern's own under one name: files, or objects, to which the group's other keys apply, too.
 */
function nativeGroup(raw: RawConfig, path: string, options: LoadOptions): TaskGroup {
  const { name, description: _, tasks: members, ...shared } = raw;
  check(typeof name === "string" && name !== "", "input", () => `${path}: the key name is missing`);
  const tasks = (members as readonly unknown[]).map((member) => {
    if (typeof member === "string") return load(resolve(dirname(path), member), options);
    check(isObject(member), "input", () => `${path}: tasks are file names or objects; got ${shown(member)}`);
    return nativeTask({ ...shared, ...member }, path, options);
  });
  return {
    name,
    tasks,
    aggregates: [
      { metric: "acc", filters: undefined, isWeighted: true },
      { metric: "exact_match", filters: undefined, isWeighted: true },
    ],
  };
}

const groupKeys: readonly string[] = ["group", "group_alias", "task", "aggregate_metric_list", "metadata"];

/** A group of tasks; keys that are none of a group's apply to all of its tasks. */
function harnessGroup(raw: RawConfig, path: string, options: LoadOptions): TaskGroup {
  const { group: name, task: members } = raw;
  check(typeof name === "string", "input", () => `${path}: a list of tasks needs a name: group`);
  check(
    Array.isArray(members) && members.length > 0,
    "input",
    () => `${path}: group ${name}: task must be a list of tasks; got ${shown(members)}`,
  );
  const shared = Object.fromEntries(Object.entries(raw).filter(([key]) => !groupKeys.includes(key)));
  const tasks = (members as unknown[]).map((member) => memberOf(member, shared, path, options));
  return { name, tasks, aggregates: aggregatesOf(raw.aggregate_metric_list, path) };
}

function memberOf(member: unknown, shared: RawConfig, path: string, options: LoadOptions): Task | TaskGroup {
  if (typeof member === "string") {
    const found = findByName(member, path);
    return build({ ...readYaml(found), ...shared }, found, inside(found, options));
  }
  check(isObject(member), "input", () => `${path}: a task of a group is a name or an object; got ${shown(member)}`);
  if (Array.isArray(member.task)) return harnessGroup({ ...shared, ...member }, path, options);
  const known = typeof member.task === "string" ? findByName(member.task, path, true) : undefined;
  const base = known === undefined ? {} : readYaml(known);
  return build(
    { ...base, ...shared, ...member },
    known ?? path,
    known === undefined ? options : inside(known, options),
  );
}

/** The file of a task or a group of this name below the folder of a group file. */
function findByName(name: string, path: string): string;
function findByName(name: string, path: string, isOptional: true): string | undefined;
function findByName(name: string, path: string, isOptional = false): string | undefined {
  const folder = dirname(resolve(path));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    EXTENSIONS.includes(extname(file)),
  );
  const named = new RegExp(`^(task|group):\\s*["']?${name.replace(/[^\w]/g, "\\$&")}["']?\\s*$`, "m");
  const found = files
    .map((file) => join(folder, file))
    .find((file) => file !== resolve(path) && named.test(readFileSync(file, "utf8")));
  if (found === undefined && !isOptional)
    throw new LecternError("input", `${path}: no file in ${folder} has the task or group ${name}`);
  return found;
}

function aggregatesOf(list: unknown, path: string): GroupAggregate[] {
  if (list === undefined || list === null) return [];
  const entries: unknown[] = Array.isArray(list) ? list : [list];
  return entries.map((entry) => {
    check(
      isObject(entry) && typeof entry.metric === "string",
      "input",
      () => `${path}: an entry of aggregate_metric_list needs metric; got ${shown(entry)}`,
    );
    const { metric, aggregation = "mean", weight_by_size: weighted = true, filter_list: filters } = entry;
    check(
      aggregation === "mean",
      "input",
      () => `${path}: aggregate_metric_list: mean is the only aggregation of a group; got ${shown(aggregation)}`,
    );
    const names = filters === undefined || filters === null ? undefined : [filters].flat().map(String);
    return { metric: String(metric), filters: names, isWeighted: weighted !== false };
  });
}
