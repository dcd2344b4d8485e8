// The model: what happened to each message at each member, derived once from the data block.

/** The lasting states of a member, in words, and the steps that end them. */
const BANDS = { crash: "down", offline: "offline", unmounted: "unmounted" };
const ENDS = { restart: "crash", online: "offline", mounted: "unmounted" };

/** Reads the data block and follows every message through the steps. */
function readModel() {
  const raw = JSON.parse(document.getElementById("trace").textContent);
  const members = raw.members.map((name, id) => ({ id, name, states: [], marks: [], entered: 0, missing: 0, rows: 1 }));
  const messages = raw.messages.map(([author, counter, lamport, text, causes], id) => ({
    id,
    author,
    counter,
    lamport,
    text,
    causes,
    sent: null,
    published: null,
    place: -1,
    ways: members.map(() => ({ arrive: null, hold: null, deliver: null, position: 0, behind: 0, again: 0, row: 0 })),
  }));
  raw.timeline.forEach((id, place) => {
    messages[id].place = place;
  });
  const open = members.map(() => ({}));
  for (const [at, who, what, detail, position] of raw.steps) {
    const member = members[who];
    const message = messages[detail];
    const way = message && message.ways[who];
    if (what === "send") message.sent ??= at;
    else if (what === "publish") message.published ??= at;
    else if (what === "arrive") way.arrive ??= at;
    else if (what === "hold") way.hold ??= at;
    else if (what === "deliver") {
      if (way.deliver === null) {
        Object.assign(way, { deliver: at, position, behind: Math.max(0, member.entered - position) });
        member.entered += 1;
      } else way.again += 1;
    } else if (what === "copy" || what === "fault") member.marks.push({ at, kind: what, text: detail });
    else if (BANDS[what]) {
      open[who][what] = { kind: what, from: at, to: null };
      member.states.push(open[who][what]);
    } else if (ENDS[what]) {
      const state = open[who][ENDS[what]];
      if (state && state.to === null) state.to = at;
    }
  }
  // A held file whose arrival was not recorded arrived when it was held.
  for (const message of messages) for (const way of message.ways) if (way.hold !== null) way.arrive ??= way.hold;
  for (const message of messages) {
    message.ways.forEach((way, who) => {
      if (message.sent !== null && who !== message.author && way.deliver === null) members[who].missing += 1;
    });
  }
  const moments = [...new Set(raw.steps.map((step) => step[0]))].sort((a, b) => a - b);
  const end = Math.max(1, moments.at(-1) ?? 1);
  const model = { members, messages, timeline: raw.timeline, moments, end, failed: raw.failed };
  members.forEach((member) => {
    member.rows = packHeld(model, member.id);
  });
  return model;
}

/** Gives each held message of a member a row under its lane, so that none covers another. Returns the row count. */
function packHeld(model, who) {
  const held = model.messages.filter((message) => message.ways[who].hold !== null);
  held.sort((a, b) => a.ways[who].arrive - b.ways[who].arrive || a.id - b.id);
  const free = [];
  for (const message of held) {
    const way = message.ways[who];
    let row = free.findIndex((until) => until < way.arrive);
    if (row < 0) row = free.length;
    free[row] = way.deliver ?? Infinity;
    way.row = row;
  }
  return Math.max(1, free.length);
}

/** Returns when a message left its author's store: when its file appeared in the author's folder. */
function keptUntil(model, message) {
  const others = message.ways.filter((_, who) => who !== message.author);
  const first = Math.min(...others.map((way) => way.arrive ?? way.deliver ?? Infinity));
  return Math.max(message.sent, Math.min(message.published ?? first, first, model.end));
}

/** Returns what was wrong at members during a period, in words and in parentheses; empty if nothing was. */
function troubles(model, members, from, to, kinds = Object.keys(BANDS)) {
  const words = members.flatMap((who) =>
    model.members[who].states
      .filter((state) => kinds.includes(state.kind) && state.from < to && (state.to ?? model.end) > from)
      .map((state) => `${model.members[who].name} ${BANDS[state.kind]}`),
  );
  return words.length ? ` (${[...new Set(words)].join(", ")})` : "";
}

/** Returns the causes that a held message waited for longest at a member, which arrived last. */
function waitedFor(model, message, who) {
  const way = message.ways[who];
  if (way.hold === null) return [];
  const when = (id) => model.messages[id].ways[who].deliver ?? (model.messages[id].author === who ? 0 : Infinity);
  const late = message.causes.filter((id) => when(id) > way.arrive);
  const last = Math.max(...late.map(when));
  return late.filter((id) => when(id) === last);
}

/** Returns the message at the root of a wait, which itself waited for no other. */
function rootOf(model, message, who) {
  const seen = new Set();
  let found = message;
  for (;;) {
    seen.add(found.id);
    const [next] = waitedFor(model, found, who);
    if (next === undefined || seen.has(next)) return found;
    found = model.messages[next];
  }
}

/** Returns the figures of the run: the speed of messages, and the longest waits. */
function figures(model) {
  const delays = [];
  let held = 0,
    missing = 0,
    slowest = null,
    longest = null;
  for (const message of model.messages) {
    for (const [who, way] of message.ways.entries()) {
      if (who === message.author || message.sent === null) continue;
      if (way.hold !== null) held += 1;
      if (way.deliver === null) {
        missing += 1;
        continue;
      }
      const delay = way.deliver - message.sent;
      delays.push(delay);
      if (!slowest || delay > slowest.time) slowest = { time: delay, message, who };
      const wait = way.hold === null ? 0 : way.deliver - way.arrive;
      if (wait > (longest ? longest.time : 0)) longest = { time: wait, message, who };
    }
  }
  delays.sort((a, b) => a - b);
  return { count: delays.length, median: delays[delays.length >> 1] ?? null, held, missing, slowest, longest };
}
