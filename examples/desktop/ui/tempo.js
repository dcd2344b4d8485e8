// The process behind the page: commands, and what it tells.

import { $, el } from "./dom.js";
import { turnTo } from "./room.js";

const { invoke } = window.__TAURI__.core;
const { listen } = window.__TAURI__.event;

/** Calls a command. Shows a failure with what to do, and returns undefined then. */
export async function call(command, words) {
  try {
    return await invoke(command, words);
  } catch (trouble) {
    showTrouble(trouble);
    return undefined;
  }
}

/** Calls a command whose result is only that it was done. */
export async function does(command, words) {
  return (await call(command, words)) !== undefined;
}

export const hear = (event, then) => listen(event, ({ payload }) => then(payload));

/** Hears of the session that the page shows. */
export const follow = (event, then) => hear(event, ([number, news]) => turnTo(number) && then(news));

export function showTrouble(trouble) {
  const { message, advice, kind } = typeof trouble === "object" ? trouble : { message: String(trouble) };
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  const shown = el(
    "div",
    { className: "trouble", "data-kind": kind ?? "failed" },
    el("strong", {}, `${text}.`),
    advice ? el("span", {}, advice) : null,
    el("button", { className: "quiet", ariaLabel: "Close", onclick: () => shown.remove() }, "×"),
  );
  $("troubles").replaceChildren(shown);
}

export const noTrouble = () => $("troubles").replaceChildren();
