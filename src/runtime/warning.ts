/** The kind of message by which a worker sends a warning to the thread that started it. */
export const WARNING = "warning";
