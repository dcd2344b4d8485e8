// Members, and what each of them has.

import { $, el, show } from "./dom.js";
import { color, initial, plural, time } from "./words.js";
import { isMe, nameOf } from "./room.js";

export function drawMembers(status) {
  const present = status.members.filter((member) => !member.successor);
  present.sort((a, b) => Number(isMe(b.author)) - Number(isMe(a.author)) || nameOf(a.author).localeCompare(nameOf(b.author)));
  show($("members"), present.map((member) => row(status, member)));
}

function row(status, member) {
  const name = nameOf(member.author);
  const waits = status.stable.waits_for.some(({ author }) => author === member.author);
  const facts = [
    plural(member.messages, "message"),
    member.retired_by ? "has left" : isMe(member.author) ? null : seen(status, member),
  ];
  const missing = member.missing.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return el(
    "li",
    { "data-author": member.author, className: member.retired_by ? "gone" : "" },
    el("span", { className: "face", "data-color": color(member.author) }, initial(name)),
    el(
      "span",
      { className: "who" },
      el("strong", {}, name, isMe(member.author) ? el("em", {}, " you") : null),
      el("small", {}, facts.filter(Boolean).join(" · ")),
      missing > 0 ? el("small", { className: "warn" }, `${plural(missing, "message")} missing`) : null,
      waits && !isMe(member.author)
        ? el("small", { className: "soft" }, `Order waits for a sign of life${member.heard_ms === null ? "" : ` since ${time(member.heard_ms)}`}`)
        : null,
    ),
  );
}

/** Says how far this member has what the others have written, by the heads that it leaves. */
function seen(status, member) {
  const behind = status.members
    .filter((other) => other.author !== member.author)
    .reduce((sum, other) => sum + Math.max(0, other.last - (member.has_seen[other.author] ?? 0)), 0);
  return behind === 0 ? "has seen everything" : `has not confirmed ${behind.toLocaleString("en")}`;
}
