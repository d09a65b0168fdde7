import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { fill, languages, say } from "../i18n/index.ts";
import { linkOf } from "../link.ts";
import { busy, failure, model, report, restart, wrongNames } from "../results.ts";
import { language, theme, type ViewName, view, views } from "../state.ts";
import { figure as chosenFigure, type Format, save } from "../ui/figure.ts";
import { openView } from "../views/settings.ts";

const DOCS = "https://github.com/lectern/lectern/blob/main/docs/";

/** The first view of the navigation that is a lesson, and the first that is none any more. */
const [FIRST_LESSON, BEHIND_LESSONS] = [2, 11];

/** Header, navigation and footer around a view. */
export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {say.value.skip}
      </button>
      <Header />
      <div class="frame">
        <Navigation />
        <main id="content" tabIndex={-1}>
          <h1>{say.value.views[view.value]}</h1>
          <Problem />
          {children}
          <Exports />
        </main>
      </div>
    </>
  );
}

function Header() {
  const words = say.value;
  const isDark = theme.value === "dark";
  return (
    <header>
      <p class="brand">
        <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
          <path d="M1 4h14l-2 5H3zM7 9h2v6H7z" fill="currentColor" />
        </svg>
        <span>{words.title}</span>
        <small>{words.tagline}</small>
      </p>
      <p class="state" role="status">
        {stateText()}
      </p>
      <label>
        <span class="hidden">{words.language}</span>
        <select value={language.value} onChange={(event) => (language.value = event.currentTarget.value as "en")}>
          {languages.map((name) => (
            <option key={name} value={name}>
              {name === "en" ? "English" : "한국어"}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="quiet" onClick={() => (theme.value = isDark ? "light" : "dark")}>
        {isDark ? words.themeLight : words.themeDark}
      </button>
    </header>
  );
}

function stateText(): string {
  const words = say.value;
  if (failure.value) return "";
  if (!model.value) return words.loading;
  return busy.value ? words.computing : words.ready;
}

function Navigation() {
  const item = (name: ViewName) => (
    <li key={name}>
      <a
        href={`#view=${name}`}
        aria-current={view.value === name ? "page" : undefined}
        onClick={(event) => {
          event.preventDefault();
          openView(name);
        }}
      >
        {say.value.views[name]}
      </a>
    </li>
  );
  return (
    <nav aria-label={say.value.title}>
      <ul>
        {views.slice(0, FIRST_LESSON).map(item)}
        {item("compare")}
      </ul>
      <p class="small">{say.value.lessons}</p>
      <ol>{views.slice(FIRST_LESSON, BEHIND_LESSONS).map(item)}</ol>
      <p class="small">
        <a class="course" href={`${DOCS}${language.value === "ko" ? "course.ko.md" : "course.md"}`}>
          {say.value.course}
        </a>
      </p>
    </nav>
  );
}

function Problem() {
  const found = failure.value;
  const wrong = wrongNames.value;
  if (!found && wrong.length === 0) return null;
  const { errors } = say.value;
  const told = found?.key ? errors[found.key] : found?.message;
  const message = told ?? fill(errors.link, wrong.join(", "));
  return (
    <p class="problem" role="alert">
      {message}{" "}
      {found?.key === "stopped" && (
        <button type="button" onClick={restart}>
          {errors.restart}
        </button>
      )}
    </p>
  );
}

function Exports() {
  const words = say.value;
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(new URL(linkOf(), location.href).href);
    copied.value = true;
    setTimeout(() => (copied.value = false), 2000);
  };
  const formats: readonly Format[] = ["svg", "png", "csv", "json"];
  return (
    <footer class="exports">
      <button type="button" onClick={() => copy().catch(report)}>
        {copied.value ? words.shared : words.share}
      </button>
      {chosenFigure.value && (
        <span role="group" aria-label={words.exportAs}>
          <span class="small">{words.exportAs}</span>
          {formats.map((format) => (
            <button
              type="button"
              key={format}
              onClick={() => chosenFigure.value && save(chosenFigure.value, format).catch(report)}
            >
              {format.toUpperCase()}
            </button>
          ))}
        </span>
      )}
    </footer>
  );
}
