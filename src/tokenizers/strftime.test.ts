import { expect, test } from "vitest";
import { strftime } from "./strftime.ts";

test("writes dates as Python does in its C locale", () => {
  const date = new Date(2024, 2, 5, 14, 7, 9, 120);
  expect(strftime(date, "%a %A %b %B %c %C %d %D %e %f %F %h %H %I %j %m %M %p %R %S %T %u %w %x %X %y %Y %%")).toBe(
    "Tue Tuesday Mar March Tue Mar  5 14:07:09 2024 20 05 03/05/24  5 120000 2024-03-05 Mar 14 02 065 03 07 PM 14:07 09 14:07:09 2 2 03/05/24 14:07:09 24 2024 %",
  );
  expect(strftime(date, "%-d %-m %-I %-H|%Z%z|")).toBe("5 3 2 14||");
});
