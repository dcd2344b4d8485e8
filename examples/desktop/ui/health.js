// The doctor's findings with what to do, and what waits for what.

import { call, does } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { message, time } from "./words.js";
import { nameOf, room } from "./room.js";

const LOSS = { nothing: "Nothing is lost.", elsewhere: "Nothing is lost, as long as its device comes back.", possible: "Data may be lost." };
/** What the window can do about a finding: the command, its name, and the question before it. */
const ACTIONS = {
  "waited-for": retire,
  silent: retire,
  vanished: { command: "relay", name: "Put the messages back" },
};
/** The findings that a person has opened. */
const openKinds = new Set();

function retire(who) {
  return { command: "retire", name: `Do not wait for ${who} any more`, sure: `Sure? ${who} will not come back` };
}

export function setUpHealth() {
  $("check").onclick = async () => {
    $("check").disabled = true;
    await call("check_up");
  };
}

export function drawDiagnosis({ findings, more, looked_ms, service }) {
  const all = [...findings, ...more];
  const urgent = all.filter((finding) => finding.severity === "attention").length;
  $("health-count").hidden = urgent === 0;
  $("health-count").textContent = urgent;
  $("check").disabled = false;
  show($("findings"), all.length > 0 ? all.map(row) : [el("li", { className: "well" }, "Everything is in order.")]);
  const looked = looked_ms === null ? "The folder is being examined…" : `Everything was examined at ${time(looked_ms)}.`;
  $("looked").textContent = service ? `${looked} The folder belongs to ${service}.` : looked;
}

function row(finding) {
  const id = `${finding.kind} ${finding.place ?? finding.author ?? ""}`;
  const action = actionOf(finding);
  const made = el(
    "details",
    { "data-kind": finding.kind, "data-severity": finding.severity, open: openKinds.has(id) || finding.severity === "attention" },
    el("summary", {}, finding.message),
    el("p", {}, finding.meaning, " ", el("span", { className: `loss ${finding.lost}` }, LOSS[finding.lost] ?? "")),
    finding.advice ? el("p", { className: "advice" }, finding.advice) : null,
    finding.files.length > 1 ? el("ul", { className: "places" }, ...finding.files.slice(0, 8).map((file) => el("li", {}, file))) : null,
    action,
  );
  made.ontoggle = () => (made.open ? openKinds.add(id) : openKinds.delete(id));
  return el("li", {}, made);
}

function actionOf(finding) {
  const known = ACTIONS[finding.kind];
  if (!known || !finding.author) return null;
  const { command, name, sure } = typeof known === "function" ? known(nameOf(finding.author)) : known;
  const button = el("button", { type: "button" }, name);
  let isSure = !sure;
  button.onclick = async () => {
    if (!isSure) {
      isSure = true;
      button.textContent = sure;
      return;
    }
    button.disabled = true;
    if (!(await does(command, { author: finding.author }))) button.disabled = false;
  };
  return button;
}

/** Shows which messages wait, and for which. */
export function drawWaiting(status) {
  $("waiting-section").hidden = status.held === 0;
  $("waiting-count").textContent = status.held;
  const row = ({ message: id, waits_for }) => {
    const for_ = waits_for.map((cause) => message(cause.message, nameOf)).join(", ");
    const why = for_ === "" ? "waits for messages that wait themselves" : `waits for ${for_}, which has not arrived`;
    return el("li", {}, el("strong", {}, `Message ${message(id, nameOf)}`), el("small", {}, why));
  };
  show($("waiting"), status.waiting.slice(0, 20).map(row));
  if (room.status?.held > 20) $("waiting").append(el("li", {}, el("small", {}, `and ${room.status.held - 20} more`)));
}
