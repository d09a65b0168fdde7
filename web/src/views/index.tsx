import type { FunctionComponent } from "preact";
import { Prompt } from "../ui/shell.tsx";
import type { ViewName } from "../state.ts";
import { OptionsView } from "./options.tsx";
import { PictureView } from "./picture.tsx";

const stories: readonly string[] = [
  "Once upon a time, there was a little girl named Lily. She had a red",
  "Tom and Anna went to the park. Tom was sad because Anna",
  "The dog saw the cat. The cat saw the",
  "One day, one day, one day,",
];

function Picture() {
  return (
    <>
      <Prompt gallery={stories} />
      <PictureView />
    </>
  );
}

function Options() {
  return (
    <>
      <Prompt gallery={stories} />
      <OptionsView />
    </>
  );
}

/** The component of each view. */
export const viewTable: Readonly<Record<ViewName, FunctionComponent>> = {
  picture: Picture,
  options: Options,
} as never;
