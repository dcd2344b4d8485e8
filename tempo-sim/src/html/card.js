// The card shows everything about one message. Without a message, it explains the page and shows the run's figures.

/** Returns a link to a message, in its author's color. */
function chip(model, id) {
  const message = model.messages[id];
  const name = model.members[message.author]?.name ?? "?";
  const made = el(
    "a",
    { className: "chip", href: `#m=${id}`, title: message.text },
    el("i"),
    el("bdi", {}, cut(name, 14)),
    ` ${message.counter}`,
  );
  made.style.setProperty("--c", colorOf(message.author));
  return made;
}

/** Shows a message on the card. */
function showMessage(model, card, message, pinned) {
  const author = model.members[message.author];
  const place = message.place < 0 ? "not in the timeline" : `position ${message.place + 1} of ${model.timeline.length}`;
  const title = el("h2", {}, el("i"), el("bdi", {}, author?.name ?? "?"), ` ${message.counter}`);
  title.style.setProperty("--c", colorOf(message.author));
  const facts = el(
    "p",
    { className: "facts" },
    `Logical time ${message.lamport}, ${place}`,
    el("br"),
    message.sent === null ? "never sent" : `Sent at ${moment(message.sent, 1000)}`,
  );
  const kept = message.sent === null ? 0 : keptUntil(model, message) - message.sent;
  if (kept > Math.max(1000, 0.05 * slowestWay(model, message))) {
    // Whether the service reaches the author does not matter yet.
    const why = troubles(model, [message.author], message.sent, message.sent + kept, ["crash", "unmounted"]);
    facts.append(el("br"), `Only its author had it for ${span(kept)}${why}`);
  }
  const text = el("p", { className: "said" }, el("bdi", {}, message.text || "(no text)"));
  const causes = el(
    "p",
    { className: "chips" },
    message.causes.length ? message.causes.map((id) => chip(model, id)) : "nothing: it starts a conversation",
  );
  const hint = el(
    "p",
    { className: "hint" },
    pinned ? "Pinned. Press Esc to release, left and right to step through the order." : "Click to pin.",
  );
  card.replaceChildren(
    title,
    text,
    facts,
    el("h3", {}, "Reached"),
    reached(model, message),
    el("h3", {}, "Causes"),
    causes,
    hint,
  );
}

/** Returns the time that a message took to the last member that it reached. */
function slowestWay(model, message) {
  return Math.max(1, ...message.ways.map((way) => (way.deliver ?? model.end) - message.sent));
}

/** Returns a list with an entry for each other member: when, how long it took, and why. */
function reached(model, message) {
  const list = el("dl", { className: "reached" });
  if (message.sent === null) return list;
  const total = slowestWay(model, message);
  for (const member of model.members) {
    if (member.id === message.author) continue;
    const way = message.ways[member.id];
    const name = el("dt", {}, el("i"), el("bdi", {}, member.name));
    name.style.setProperty("--c", colorOf(member.id));
    const when =
      way.deliver === null
        ? el("span", { className: "bad" }, way.arrive === null ? "never arrived" : "not delivered")
        : el(
            "span",
            { className: "when", title: `at ${moment(way.deliver, 1000)}` },
            `+${span(way.deliver - message.sent)}`,
          );
    const at = way.deliver === null ? null : el("span", { className: "at" }, moment(way.deliver, 1000));
    list.append(
      name,
      el("dd", {}, at, when),
      el("dd", { className: "story" }, delayBar(model, message, way, total), reasons(model, message, member.id)),
    );
  }
  return list;
}

/** Returns the way as a bar: kept by the author, in transit, unread, held. */
function delayBar(model, message, way, total) {
  const until = way.deliver ?? model.end;
  const leave = keptUntil(model, message);
  const stop = way.arrive ?? until;
  const hold = way.hold ?? until;
  const bar = el("div", { className: "delay" });
  bar.style.setProperty("--c", colorOf(message.author));
  const part = (name, from, to) => {
    const made = el("b", { className: name });
    made.style.width = `${(Math.max(0, to - from) / total) * 100}%`;
    bar.append(made);
  };
  if (way.deliver === null && way.arrive === null) part("lost", message.sent, until);
  else {
    part("kept", message.sent, leave);
    part("road", leave, stop);
    part("unread", stop, hold);
    part("held", hold, until);
  }
  return bar;
}

/** Returns the reasons why a message was late at a member, or null if there are none. */
function reasons(model, message, who) {
  const way = message.ways[who];
  const lines = [];
  const until = way.deliver ?? model.end;
  const leave = keptUntil(model, message);
  const road = (way.arrive ?? until) - leave;
  if (road > Math.max(1000, (until - message.sent) * 0.05)) {
    const why = troubles(model, [message.author, who], leave, leave + road);
    lines.push(el("p", {}, `${span(road)} in transit${why}`));
  }
  if (way.hold !== null) {
    const waits = waitedFor(model, message, who);
    const root = rootOf(model, message, who);
    lines.push(
      el(
        "p",
        {},
        `held ${span(until - way.hold)}`,
        ...(waits.length ? [", waiting for ", ...waits.map((id) => chip(model, id))] : []),
      ),
    );
    if (root !== message && !waits.includes(root.id))
      lines.push(el("p", {}, "which ultimately waited for ", chip(model, root.id)));
  } else if (way.arrive !== null && until - way.arrive > Math.max(1000, (until - message.sent) * 0.2)) {
    lines.push(el("p", {}, `the file stayed unread for ${span(until - way.arrive)}`));
  }
  if (way.deliver !== null && way.behind > 0)
    lines.push(el("p", {}, `inserted before ${counted(way.behind, "later message")}`));
  if (way.again) lines.push(el("p", {}, `delivered again ${counted(way.again, "time")}`));
  return lines.length ? lines : null;
}

/** Shows how to read the diagram, and the run's figures. */
function showGuide(model, card) {
  const sum = figures(model);
  const key = (name, draw) => {
    const picture = svg("svg", { viewBox: "0 0 44 20", "aria-hidden": "true" }, null);
    draw(picture);
    return [el("dt", {}, picture), el("dd", {}, name)];
  };
  const lane = (parent, y, from = 0, to = 44) => svg("line", { class: "lane", x1: from, x2: to, y1: y, y2: y }, parent);
  const guide = el(
    "dl",
    { className: "guide" },
    key("sent, and delivered to another member’s timeline", (p) => {
      lane(p, 3);
      lane(p, 17);
      svg("path", { class: "line", d: "M8 3L32 17" }, p);
      svg("circle", { class: "dot", cx: 8, cy: 3, r: 3 }, p);
      svg("path", { class: "head", d: "M34 17l-8 -1.8l3.4 -5.6Z" }, p);
    }),
    key("kept by its author, not in the folder yet", (p) => {
      lane(p, 4);
      lane(p, 17);
      svg("path", { class: "kept", d: "M6 4H24" }, p);
      svg("path", { class: "line", d: "M24 4L34 15" }, p);
      svg("circle", { class: "dot", cx: 6, cy: 4, r: 3 }, p);
      svg("path", { class: "head", d: "M36.4 17l-7.4 -3.6l4.6 -4Z" }, p);
    }),
    key("arrived, but held until its causes arrive", (p) => {
      lane(p, 6);
      svg("path", { class: "line", d: "M2 0L8 6" }, p);
      svg("rect", { class: "held", x: 8, y: 11, width: 28, height: 5, fill: "url(#hatch0)" }, p);
      svg("path", { class: "head", d: "M36 5.5l-2.8 7h5.6Z" }, p);
    }),
    key("offline: the service does not reach the member", (p) => {
      lane(p, 10);
      const group = svg("g", { class: "offline" }, p);
      svg("rect", { class: "band", x: 8, y: 3, width: 28, height: 14, rx: 7 }, group);
      svg("line", { class: "gap", x1: 8, x2: 36, y1: 10, y2: 10 }, group);
    }),
    key("unmounted: nothing is read or published", (p) => {
      lane(p, 10);
      const group = svg("g", { class: "unmounted" }, p);
      svg("rect", { class: "band", x: 8, y: 3, width: 28, height: 14, rx: 7 }, group);
    }),
    key("the machine stopped and restarted", (p) => {
      lane(p, 10, 0, 12);
      lane(p, 10, 34, 44);
      const group = svg("g", { class: "crash" }, p);
      svg("path", { class: "cross", d: "M7 5l10 10m0 -10l-10 10" }, group);
      svg("line", { class: "back", x1: 34, x2: 34, y1: 4, y2: 16 }, group);
    }),
    key("conflict copy; another fault", (p) => {
      svg("path", { class: "copy", d: markShape("copy", 13, 10) }, p);
      svg("path", { class: "fault", d: markShape("fault", 31, 10) }, p);
    }),
  );
  const lines = [];
  const fact = (label, ...value) => lines.push(el("dt", {}, label), el("dd", {}, ...value));
  fact("Deliveries", `${sum.count}`);
  if (sum.median !== null) fact("Median delay", span(sum.median));
  if (sum.slowest) fact("Slowest", `${span(sum.slowest.time)} `, chip(model, sum.slowest.message.id));
  fact("Held", counted(sum.held, "time"));
  if (sum.longest) fact("Longest hold", `${span(sum.longest.time)} `, chip(model, sum.longest.message.id));
  if (sum.missing) fact("Not delivered", el("span", { className: "bad" }, `${sum.missing}`));
  card.replaceChildren(
    el("h2", {}, "How to read the diagram"),
    guide,
    el("h3", {}, "Figures of the run"),
    el("dl", { className: "sum" }, lines),
    el(
      "p",
      { className: "hint" },
      "Point at a message; click to pin it. Scroll to zoom, drag to move, press left and right to step through the order.",
    ),
  );
}
