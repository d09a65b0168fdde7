import type { Command } from "commander";
import { addProjectCardCommand } from "./project-card.ts";
import { addProjectCheckCommand } from "./project-check.ts";
import { addDeployCommand } from "./project-deploy.ts";
import { addFeedbackCommand } from "./project-feedback.ts";
import { addProjectInitCommand } from "./project-init.ts";
import { addProjectNextCommand } from "./project-next.ts";
import { addProjectOptimizeCommand } from "./project-optimize.ts";
import { addProjectSelectCommand } from "./project-select.ts";
import { addProjectStatusCommand } from "./project-status.ts";
import type { Terminal } from "./terminal.ts";

/** `lectern project init|status|next|check|select|optimize|card|deploy|feedback` */
export function projectCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  addProjectInitCommand(group, terminal);
  addProjectStatusCommand(group, terminal, signal);
  addProjectNextCommand(group, terminal, signal);
  addProjectCheckCommand(group, terminal, signal);
  addProjectSelectCommand(group, terminal, signal);
  addProjectOptimizeCommand(group, terminal, signal);
  addProjectCardCommand(group, terminal, signal);
  addDeployCommand(group, terminal, signal);
  addFeedbackCommand(group, terminal);
}
