// The doctor's findings with what to do, and what waits for what.

import { call } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { message, time } from "./words.js";
import { nameOf } from "./room.js";
import { retire } from "./members.js";

const LOOKING = "The folder is being examined…";
const LOSS = {
  nothing: "Nothing is lost.",
  elsewhere: "Nothing is lost, as long as its device comes back.",
  possible: "Data may be lost.",
};
/** What the window can do about a finding about a member. */
const ACTIONS = { "waited-for": retire, silent: retire };
/** The most files of a finding, and the most waiting messages, that are listed. */
const PLACES = 8;
const WAITING = 20;
/** Whether a person has opened or closed a finding. */
const opened = new Map();

export function setUpHealth() {
  $("check").onclick = async () => {
    $("looked").textContent = LOOKING;
    await call("check_up");
  };
}

export function drawDiagnosis({ findings, more, looked_ms, service }) {
  const all = [...findings, ...more];
  const urgent = all.filter((finding) => finding.severity === "attention").length;
  $("health-count").hidden = urgent === 0;
  $("health-count").textContent = urgent;
  const well = [el("li", { className: "well" }, "Everything is in order.")];
  show($("findings"), all.length > 0 ? all.map((finding, index) => row(finding, index === 0)) : well);
  const looked = looked_ms === null ? LOOKING : `Everything was examined at ${time(looked_ms)}.`;
  $("looked").textContent = service ? `${looked} The folder belongs to ${service}.` : looked;
}

/** A finding; its explanation is open for the first one that needs attention. */
function row(finding, isFirst) {
  const id = `${finding.kind} ${finding.place ?? finding.author ?? ""}`;
  const action = finding.author ? ACTIONS[finding.kind]?.(finding.author) : null;
  const isOpen = opened.get(id) ?? (isFirst && finding.severity === "attention");
  const places = finding.files.slice(0, PLACES).map((file) => el("li", {}, file));
  const made = el(
    "details",
    { "data-kind": finding.kind, "data-severity": finding.severity, open: isOpen },
    el("summary", {}, finding.message),
    el("p", {}, finding.meaning, " ", el("span", { className: `loss ${finding.lost}` }, LOSS[finding.lost] ?? "")),
    finding.advice ? el("p", { className: "advice" }, finding.advice) : null,
    places.length > 0 ? el("ul", { className: "places" }, ...places) : null,
    action,
  );
  made.querySelector("summary").onclick = () => opened.set(id, !made.open);
  return el("li", {}, made);
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
  show($("waiting"), status.waiting.slice(0, WAITING).map(row));
  if (status.held > WAITING) $("waiting").append(el("li", {}, el("small", {}, `and ${status.held - WAITING} more`)));
}
