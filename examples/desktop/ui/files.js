// Files: where they are, fetching, saving, and playing.

import { call, does, showTrouble } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { nameOf, room } from "./room.js";
import { size } from "./words.js";

/** The types that are played; another type from elsewhere is not handed to a player. */
const PLAYED = new Set(["audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4", "audio/aac"]);
/** Larger files are played after a click. */
const AT_ONCE = 16 * 1000 * 1000;
/** Players by file, kept so that drawing again does not stop them. */
const players = new Map();
/** All cards of a file: one in each message, and one in the list. */
const cards = new Map();

export function drawFiles(files) {
  room.files = new Map(files.map((file) => [file.id, file]));
  const row = (file) => $("files").querySelector(`[data-file="${file.id}"]`) ?? el("li", { "data-file": file.id }, card(file, false));
  show($("files"), files.map(row));
  $("no-files").hidden = files.length > 0;
  for (const file of files) for (const each of cards.get(file.id) ?? []) fill(each, file);
}

/** The card of a file in a message; with its player. */
export const fileCard = (file) => card(file, true);

function card(file, plays) {
  const made = el("div", { className: "file", "data-id": file.id });
  made.plays = plays;
  cards.set(file.id, [...(cards.get(file.id) ?? []), made]);
  fill(made, room.files.get(file.id) ?? { ...file, place: null });
  return made;
}

function fill(made, file) {
  const { text, part } = progress(file);
  const isHere = file.place === "kept" || file.place === "here";
  const isAudio = PLAYED.has(file.media_type);
  const author = file.messages?.[0]?.split("/")[0];
  made.dataset.place = typeof file.place === "object" ? Object.keys(file.place ?? { unknown: 0 })[0] : file.place;
  show(made, [
    el("span", { className: "sort" }, isAudio ? "♪" : "▤"),
    el(
      "span",
      { className: "about" },
      el("strong", { title: file.name }, file.name),
      el("small", {}, [size(file.bytes), !made.plays && author ? nameOf(author) : null, text].filter(Boolean).join(" · ")),
      file.error ? el("small", { className: "warn" }, file.error) : null,
      part === null ? null : el("progress", { value: part }),
    ),
    el(
      "span",
      { className: "do" },
      file.place !== null && file.place !== "kept" && !file.wanted
        ? el("button", { type: "button", className: "quiet fetch", onclick: () => does("fetch", { id: file.id }) }, "Fetch")
        : null,
      isHere ? el("button", { type: "button", className: "quiet save", onclick: (event) => save(event.target, file.id) }, "Save") : null,
    ),
    made.plays && isAudio && file.place === "kept" ? player(file) : null,
  ].filter(Boolean));
}

/** What a person should know of a file's way, and how far it is. */
function progress(file) {
  if (file.sending && typeof file.sending === "object" && file.sending.publishing) {
    const { done, of } = file.sending.publishing;
    return { text: `sending, ${done} of ${of} parts`, part: done / of };
  }
  if (file.sending === "changed") return { text: "the original has changed; attach it again", part: null };
  if (file.sending === "deselected" || file.sending?.unwanted) return { text: "somebody has removed it from the folder", part: null };
  if (file.place && typeof file.place === "object") {
    const { have, of } = file.place.missing;
    const isWanted = file.wanted ? "fetching, " : "";
    return { text: `${isWanted}${have} of ${of} parts have arrived`, part: have / of };
  }
  if (file.wanted && file.place !== "kept") return { text: "fetching", part: null };
  return { text: { kept: "on this machine", here: "in the folder", elsewhere: "online only" }[file.place] ?? "", part: null };
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
  if (!players.has(file.id)) {
    const made = el("audio", { controls: true, preload: "metadata", "data-file": file.id });
    const place = el("span", { className: "player" });
    players.set(file.id, place);
    if (file.bytes <= AT_ONCE) {
      place.append(made);
      load(made, file);
    } else {
      const listen = el("button", { type: "button", className: "quiet" }, "Listen");
      listen.onclick = () => {
        listen.replaceWith(made);
        load(made, file);
      };
      place.append(listen);
    }
  }
  return players.get(file.id);
}

async function load(audio, file) {
  const content = await call("content", { id: file.id });
  if (!content) return;
  audio.onerror = () => showTrouble({ message: `${file.name} cannot be played here`, advice: "Save it, and play it with another program." });
  audio.src = URL.createObjectURL(new Blob([content], { type: file.media_type }));
}
