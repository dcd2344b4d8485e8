// Members, and what each of them has.

import { $, el, show } from "./dom.js";
import { initial, plural, time } from "./words.js";
import { color, isMe, nameOf, onTurn } from "./room.js";
import { call } from "./tempo.js";

/** Rows by author. */
const rows = new Map();
onTurn(() => rows.clear());

export function drawMembers(status) {
  const present = status.members.filter((member) => !member.successor);
  const byName = (a, b) => nameOf(a.author).localeCompare(nameOf(b.author));
  present.sort((a, b) => Number(isMe(b.author)) - Number(isMe(a.author)) || byName(a, b));
  show($("members"), present.map((member) => row(status, member)));
}

function row(status, member) {
  const { author } = member;
  if (!rows.has(author)) rows.set(author, makeRow(author));
  const { made, face, who, leaves } = rows.get(author);
  const waits = !isMe(author) && status.stable.waits_for.some((waited) => waited.author === author);
  const missing = member.missing.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const says = (text, kind = "") => el("small", { className: kind }, text);
  made.className = member.retired_by ? "gone" : "";
  face.textContent = initial(nameOf(author));
  const facts = [
    el("strong", {}, nameOf(author), isMe(author) ? el("em", {}, " you") : null),
    says(plural(member.messages, "message")),
    member.retired_by ? says("has left") : isMe(author) ? null : says(seen(status, member)),
    missing > 0 ? says(`${plural(missing, "message")} missing`, "warn") : null,
    waits ? says(`order waits for news${member.heard_ms === null ? "" : ` since ${time(member.heard_ms)}`}`) : null,
    waits ? leaves : null,
  ];
  show(who, facts.filter(Boolean));
  return made;
}

function makeRow(author) {
  const face = el("span", { className: "face", "data-color": color(author) });
  const who = el("span", { className: "who" });
  return { made: el("li", { "data-author": author }, face, who), face, who, leaves: retire(author) };
}

/** A button that retires a member, after a second click. */
export function retire(author) {
  const words = "Do not wait any more";
  const button = el("button", { type: "button", className: "quiet retire" }, words);
  let isSure = false;
  button.onclick = async () => {
    if (isSure) await call("retire", { author });
    isSure = !isSure;
    button.classList.toggle("asks", isSure);
    button.textContent = isSure ? `Sure? ${nameOf(author)} will not come back` : words;
  };
  return button;
}

/** Says how far this member has what the others have written, by the heads that it leaves. */
function seen(status, member) {
  const behind = status.members
    .filter((other) => other.author !== member.author)
    .reduce((sum, other) => sum + Math.max(0, other.last - (member.has_seen[other.author] ?? 0)), 0);
  return behind === 0 ? "has seen everything" : `${behind.toLocaleString("en")} not confirmed yet`;
}
