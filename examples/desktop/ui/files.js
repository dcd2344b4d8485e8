// Files: where they are, fetching, saving, and playing.

import { call } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { endPlayer, makePlayer } from "./player.js";
import { nameOf, onTurn, room } from "./room.js";
import { size } from "./words.js";

/** The types that are played; another type from elsewhere is not handed to a player. */
const PLAYED = new Set(["audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4", "audio/aac"]);
/** Players by file, kept so that drawing again does not stop them. */
const players = new Map();
/** All cards of a file: one in each message, and one in the list. */
const cards = new Map();

onTurn(() => {
  for (const each of players.values()) endPlayer(each);
  players.clear();
  cards.clear();
  drawFiles([]);
});

export function drawFiles(files) {
  room.files = new Map(files.map((file) => [file.id, file]));
  const shown = (id) => $("files").querySelector(`[data-file="${id}"]`);
  const row = (file) => shown(file.id) ?? el("li", { "data-file": file.id }, card(file, false));
  show($("files"), files.map(row));
  $("no-files").hidden = files.length > 0;
  for (const file of files) for (const each of cards.get(file.id) ?? []) fill(each, file);
}

/** The card of a file in a message; with its player. */
export const fileCard = (file) => card(file, true);

function card(file, plays) {
  const isAudio = PLAYED.has(file.media_type);
  const made = {
    plays: plays && isAudio,
    isListed: !plays,
    about: el("span", { className: "about" }),
    fetch: el("button", { type: "button", className: "quiet fetch" }, "Fetch"),
    save: el("button", { type: "button", className: "quiet save" }, "Save"),
    sort: el("span", { className: "sort" }, isAudio ? "♪" : "▤"),
  };
  made.fetch.onclick = () => call("fetch", { id: file.id });
  made.save.onclick = () => save(made.save, file.id);
  made.does = el("span", { className: "do" }, made.fetch, made.save);
  made.card = el("div", { className: "file" });
  cards.set(file.id, [...(cards.get(file.id) ?? []), made]);
  fill(made, room.files.get(file.id) ?? { ...file, place: null });
  return made.card;
}

/** Shows what is known of a file now. */
function fill(made, file) {
  const { text, part } = progress(file);
  const author = made.isListed ? file.messages[0].split("/")[0] : null;
  made.card.dataset.place = typeof file.place === "string" ? file.place : "missing";
  made.fetch.hidden = file.place === null || file.place === "kept" || Boolean(file.wanted);
  made.save.hidden = file.place !== "kept" && file.place !== "here";
  const facts = [
    el("strong", { title: file.name }, file.name),
    el("small", {}, [size(file.bytes), author ? nameOf(author) : null, text].filter(Boolean).join(" · ")),
    file.error ? el("small", { className: "warn" }, file.error) : null,
    part === null ? null : el("progress", { value: part }),
  ];
  show(made.about, facts.filter(Boolean));
  const plays = made.plays && file.place === "kept";
  show(made.card, [made.sort, made.about, made.does, plays ? player(file) : null].filter(Boolean));
}

/** What a person should know of a file's way, and how far it is. */
function progress(file) {
  if (file.sending && typeof file.sending === "object" && file.sending.publishing) {
    const { done, of } = file.sending.publishing;
    return { text: `sending, ${done} of ${of} parts`, part: done / of };
  }
  if (file.sending === "changed") return { text: "the original has changed; attach it again", part: null };
  if (file.sending === "deselected" || file.sending?.unwanted) {
    return { text: "it was removed from the folder", part: null };
  }
  if (file.place && typeof file.place === "object") {
    const { have, of } = file.place.missing;
    const isWanted = file.wanted ? "fetching, " : "";
    return { text: `${isWanted}${have} of ${of} parts have arrived`, part: have / of };
  }
  if (file.wanted && file.place !== "kept") return { text: "fetching", part: null };
  return { text: { kept: "", here: "in the folder", elsewhere: "online only" }[file.place] ?? "", part: null };
}

async function save(button, id) {
  button.disabled = true;
  const where = await call("save", { id });
  button.disabled = false;
  if (where) {
    button.textContent = "Saved";
    button.title = where;
  }
}

function player(file) {
  if (!players.has(file.id)) players.set(file.id, makePlayer(file));
  return players.get(file.id);
}
