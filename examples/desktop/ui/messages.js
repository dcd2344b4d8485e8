// Messages in the order that all members share.

import { call } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { initial, time } from "./words.js";
import { color, isMe, nameOf, onTurn, room } from "./room.js";
import { fileCard } from "./files.js";

/** Rows by message id and digest: a message that moved keeps its row. */
const rows = new Map();
const key = (entry) => `${entry.id} ${entry.digest}`;
/** The most members that are shown beside a message. */
const FACES = 4;
/** Messages of one author within this time stand under one name. */
const TOGETHER_MS = 5 * 60 * 1000;

export function setUpMessages() {
  onTurn(() => {
    rows.clear();
    draw();
  });
  $("earlier").onclick = async () => {
    const found = await call("earlier", { before: room.first });
    if (!found) return;
    const height = $("scroll").scrollHeight;
    room.entries.unshift(...found.entries);
    room.first = found.entries[0]?.position ?? room.first;
    Object.assign(room.seen, found.seen);
    draw();
    $("scroll").scrollTop += $("scroll").scrollHeight - height;
  };
}

/** Replaces the end of the timeline. */
export function takeLines({ messages, entries }) {
  const from = entries[0]?.position ?? messages;
  if (from < room.first || room.entries.length === 0 || from > room.first + room.entries.length) {
    room.first = from;
    room.entries = entries;
  } else {
    room.entries.splice(from - room.first, Infinity, ...entries);
  }
  draw();
}

export const takeSeen = (seen) => Object.assign(room.seen, seen);

export const drawMessages = () => draw();

export function addSeen() {
  for (const entry of room.entries) {
    const row = rows.get(key(entry));
    if (row) drawSeen(row, entry);
  }
}

function draw() {
  const scroll = $("scroll");
  const isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  const stable = room.status?.stable.messages ?? 0;
  const shown = [];
  let before = null;
  let hasBorder = false;
  for (const entry of room.entries) {
    const isSettled = entry.position < stable;
    if (!isSettled && !hasBorder) {
      shown.push(border(before !== null));
      hasBorder = true;
    }
    const row = rows.get(key(entry)) ?? makeRow(entry);
    rows.set(key(entry), row);
    const isSoon = before !== null && Math.abs(entry.unix_ms - before.unix_ms) < TOGETHER_MS;
    const isNext = isSoon && before.author === entry.author && shown.at(-1) !== line;
    row.className = `message ${isSettled ? "settled" : "moving"}`;
    row.classList.toggle("next", isNext);
    row.classList.toggle("mine", isMe(entry.author));
    row.dataset.position = entry.position;
    drawSeen(row, entry);
    shown.push(row);
    before = entry;
  }
  show($("messages"), shown);
  $("earlier").hidden = room.first === 0;
  $("empty").hidden = room.entries.length > 0;
  if (isAtEnd) scroll.scrollTop = scroll.scrollHeight;
}

const line = el("li", { className: "border" });

function border(hasSettled) {
  const first = hasSettled ? "Settled above · the order below" : "The order of these";
  line.textContent = `${first} may still change`;
  return line;
}

function makeRow(entry) {
  const name = entry.name ?? nameOf(entry.author);
  const text = entry.text ?? "(content that is not text)";
  return el(
    "li",
    { "data-id": entry.id },
    el("span", { className: "face", "data-color": color(entry.author) }, initial(name)),
    el(
      "div",
      { className: "body" },
      el("p", { className: "by" }, el("strong", {}, name), el("time", {}, time(entry.unix_ms))),
      text === "" ? null : el("p", { className: "text" }, text),
      ...(entry.files ?? []).map((file) => fileCard(file)),
    ),
    el("span", { className: "seen" }),
  );
}

/** Shows who else has a message. */
function drawSeen(row, entry) {
  const others = (room.seen[entry.id] ?? []).filter((author) => author !== entry.author && !isMe(author));
  const place = row.querySelector(".seen");
  const names = others.map(nameOf);
  place.title = names.length > 0 ? `Seen by ${names.join(", ")}` : "";
  const dot = (author) => el("i", { className: "face tiny", "data-color": color(author) }, initial(nameOf(author)));
  const dots = others.slice(0, FACES).map(dot);
  if (others.length > dots.length) dots.push(el("small", {}, `+${others.length - dots.length}`));
  if (others.length > 0) dots.unshift(el("small", {}, "seen"));
  show(place, dots);
}
