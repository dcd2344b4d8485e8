// What the page knows of the open session.

import { short } from "./words.js";

export const room = {
  /** As `tempo status --json`. */
  status: null,
  /** The messages shown, each as `tempo log --json`, by position from `first` on. */
  first: 0,
  entries: [],
  /** From message ids to the authors that have it. */
  seen: {},
  /** From file ids to files, as `tempo files --json`. */
  files: new Map(),
};

export function forget() {
  Object.assign(room, { status: null, first: 0, entries: [], seen: {}, files: new Map() });
}

export const isMe = (author) => room.status !== null && (author === room.status.author || room.status.former.includes(author));

/** The name of a member; with the beginning of its id if several have it. */
export function nameOf(author) {
  const members = room.status?.members ?? [];
  const name = members.find((member) => member.author === author)?.name;
  if (!name) return short(author);
  const isAlone = members.filter((member) => member.name === name && !member.successor).length <= 1;
  return isAlone ? name : `${name} ${short(author)}`;
}
