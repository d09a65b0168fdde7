import { batch, effect } from "@preact/signals";
import { render } from "preact";
import { entries, isListed, readEntries, startEngine } from "./engine.ts";
import { showFrame } from "./frame.ts";
import { languages, say } from "./i18n/index.ts";
import { followState, readLink } from "./link.ts";
import { followResults, report, wrongNames } from "./results.ts";
import { language, modelName, otherModel, theme, view } from "./state.ts";
import { Shell } from "./ui/shell.tsx";
import { viewTable } from "./views/index.tsx";
import { beginAnew, settle } from "./views/settings.ts";

function App() {
  const View = viewTable[view.value];
  return (
    <Shell>
      <View key={view.value} />
    </Shell>
  );
}

function preferences(): void {
  const spoken = languages.find((name) => navigator.language.startsWith(name));
  language.value = spoken ?? "en";
  theme.value = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

async function start(): Promise<void> {
  preferences();
  const { hash } = location;
  const wrong = readLink(hash);
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dataset.theme = theme.value;
    document.title = `${say.value.views[view.value]} – ${say.value.title}`;
  });
  render(<App />, document.getElementById("app") as HTMLElement);
  await readEntries();
  startEngine(modelName.value);
  await showFrame();
  if (location.hash === hash) complete(hash, wrong);
  else openLink(); // another one was opened meanwhile
  followState();
  followResults();
  window.addEventListener("hashchange", openLink);
}

/** Opens the link of the address in a page that shows something else. */
function openLink(): void {
  batch(() => {
    beginAnew();
    complete(location.hash, readLink(location.hash));
  });
}

/** Fills in the settings that a link leaves out, and reports the names in it that are wrong. */
function complete(hash: string, wrong: readonly string[]): void {
  const named = new Set(new URLSearchParams(hash.slice(1)).keys());
  const isKnown = isListed(modelName.value);
  const isWrong = modelName.value !== "" && !isKnown;
  const isOtherWrong = otherModel.value !== "" && !isListed(otherModel.value);
  if (isOtherWrong) otherModel.value = "";
  const [first] = entries.value;
  if (!isKnown && first) {
    modelName.value = first.name;
    named.delete("model");
  }
  settle(named);
  wrongNames.value = [...wrong, ...(isWrong ? ["model"] : []), ...(isOtherWrong ? ["other"] : [])];
}

start().catch(report);
