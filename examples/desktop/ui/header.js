// The top line: the folder's state, and how far a join or an opening is.

import { $ } from "./dom.js";
import { plural } from "./words.js";
import { room } from "./room.js";

const STATES = {
  unknown: "Looking at the folder…",
  attached: "Connected",
  detached: "Folder is away",
  unreadable: "Folder cannot be read",
};

export function drawHeader(status) {
  room.status = status;
  const pill = $("folder-state");
  const { state, why } = status.folder;
  pill.dataset.state = state;
  pill.textContent = STATES[state] ?? state;
  pill.title = why ?? "";
  // Messages of any kind, here and known of.
  const here = status.members.reduce((sum, member) => sum + member.here, 0);
  const known = status.members.reduce((sum, member) => sum + Math.max(member.last, member.announced), 0);
  const trouble = status.store_error ?? status.publish_error;
  if (trouble) {
    progress(trouble, null);
  } else if (here < known) {
    const late = status.members.filter((member) => member.here < Math.max(member.last, member.announced));
    const from = late.map((member) => member.name ?? member.author.slice(0, 8)).join(", ");
    const done = `${here.toLocaleString("en")} of ${plural(known, "message")} are here`;
    progress(`${done}; the rest, by ${from}, is on its way`, here / known);
  } else if (status.unpublished > 0) {
    progress(`${plural(status.unpublished, "message")} of yours not in the folder yet`, null);
  } else {
    $("progress").hidden = true;
  }
}

export function drawLoading({ have, of }) {
  progress(`Reading ${have.toLocaleString("en")} of ${plural(of, "message")}`, have / of);
}

function progress(text, part) {
  $("progress").hidden = false;
  $("progress-text").textContent = text;
  $("progress-text").title = text;
  $("progress-bar").hidden = part === null;
  $("progress-bar").value = part ?? 0;
}
