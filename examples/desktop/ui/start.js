// Choosing a session.

import { call, noTrouble } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { base, path, short, size, time } from "./words.js";

export function setUpStart() {
  $("choose").onsubmit = (event) => {
    event.preventDefault();
    tryToOpen(false);
  };
  $("create").onclick = () => $("choose").reportValidity() && tryToOpen(true);
  $("browse").onclick = async () => {
    const chosen = await call("choose_folder");
    if (chosen) $("folder").value = chosen;
  };
}

/** Opens what the form says. */
export async function tryToOpen(create) {
  const buttons = [...$("choose").querySelectorAll("button"), ...$("sessions").querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  noTrouble();
  $("open").textContent = "Opening…";
  const opened = await call("open", { folder: $("folder").value, name: $("name").value, create });
  $("open").textContent = "Open";
  for (const button of buttons) button.disabled = false;
  if (!opened) {
    drawSessions();
    return;
  }
  $("session").textContent = base(opened.folder).replace(/\.session$/, "");
  $("path").textContent = path(opened.folder);
  $("path").title = opened.folder;
  document.title = `${$("session").textContent} – Tempo`;
  document.body.dataset.view = "room";
  $("text").focus();
}

/** Shows the sessions that this machine knows. */
export async function drawSessions() {
  const known = (await call("known")) ?? [];
  const row = ({ folder, author, bytes, used_ms }) => {
    const open = () => {
      $("folder").value = folder;
      // Without a name, the member keeps the one that it has.
      $("name").value = "";
      tryToOpen(false);
    };
    const facts = [`member ${short(author)}`, size(bytes), used_ms === null ? null : `used ${time(used_ms)}`];
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", className: "session", disabled: folder === null, onclick: open },
        el("strong", {}, folder === null ? "Never opened" : base(folder).replace(/\.session$/, "")),
        el("span", { className: "soft" }, path(folder ?? "")),
        el("small", { className: "soft" }, facts.filter(Boolean).join(" · ")),
      ),
    );
  };
  show($("sessions"), known.map(row));
  $("known").hidden = known.length === 0;
}
