// What the page knows of the open session.

import { short } from "./words.js";

export const room = {
  /** The number of the session: what is told of an earlier one comes too late. */
  number: 0,
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

const COLORS = 8;
/** Colors in the order in which authors were seen, so that few members have different ones. */
const colors = new Map();

/** The number of an author's color. */
export function color(author) {
  if (!colors.has(author)) colors.set(author, String(colors.size % COLORS));
  return colors.get(author);
}

const clearing = [];

/** Lets go of what belongs to the session before. */
export const onTurn = (clear) => clearing.push(clear);

/** Turns to a session, unless a later one is shown. Returns whether the page shows it. */
export function turnTo(number) {
  if (number > room.number) {
    Object.assign(room, { number, status: null, first: 0, entries: [], seen: {}, files: new Map() });
    colors.clear();
    for (const clear of clearing) clear();
  }
  return number === room.number;
}

export const isMe = (author) => author === room.status?.author || Boolean(room.status?.former.includes(author));

/** The name of a member; with the beginning of its id if several have it. */
export function nameOf(author) {
  const members = room.status?.members ?? [];
  const name = members.find((member) => member.author === author)?.name;
  if (!name) return short(author);
  const isAlone = members.filter((member) => member.name === name && !member.successor).length <= 1;
  return isAlone ? name : `${name} ${short(author)}`;
}
