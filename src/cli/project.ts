import type { Command } from "commander";
import { addProjectCheckCommand } from "./project-check.ts";
import { addProjectInitCommand } from "./project-init.ts";
import type { Terminal } from "./terminal.ts";

/** `lectern project init|status|next|check|select|optimize|card` */
export function projectCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  addProjectInitCommand(group, terminal);
  addProjectCheckCommand(group, terminal, signal);
}
