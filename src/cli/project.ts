import type { Command } from "commander";
import { addFeedbackCommand } from "./project-feedback.ts";
import type { Terminal } from "./terminal.ts";

/** `lectern project …` */
export function projectCommand(command: Command, terminal: Terminal): Command {
  addFeedbackCommand(command, terminal);
  return command;
}
