// The message in focus, drawn over the dimmed diagram; the overview with its window; and zooming.

/** Draws a message with its delays, its causes and what it waited for, or nothing. */
function drawFocus(model, diagram, message) {
  const { focus, root, x, y, corners, head, path } = diagram;
  focus.replaceChildren();
  root.classList.toggle("dim", Boolean(message));
  if (!message || message.sent === null) return;
  const group = (author) => svg("g", { style: `--c:${colorOf(author)}` }, focus);
  for (const member of model.members) {
    for (const id of waitedFor(model, message, member.id)) {
      const points = corners(model.messages[id], member.id);
      if (points.length < 2) continue;
      const cause = group(model.messages[id].author);
      svg("path", { class: "because", d: path(points) }, cause);
      svg("path", { class: "head", d: head(points, 7) }, cause);
    }
  }
  for (const id of message.causes) {
    const cause = model.messages[id];
    if (cause.sent === null) continue;
    svg("circle", { class: "ring", cx: x(cause.sent), cy: y(cause.author), r: 5.5 }, group(cause.author));
  }
  const own = group(message.author);
  const kept = `M${x(message.sent)} ${y(message.author)}H${x(keptUntil(model, message))}`;
  svg("path", { class: "kept", d: kept }, own);
  for (const member of model.members) {
    const way = message.ways[member.id];
    const points = corners(message, member.id);
    if (points.length >= 2) {
      svg("path", { class: "way", d: path(points) }, own);
      if (way.hold !== null) svg("path", { class: "wait", d: path(points.slice(2, 4)) }, own);
      if (way.deliver !== null) svg("path", { class: "head", d: head(points, 9) }, own);
    }
    if (member.id === message.author) continue;
    const missing = way.deliver === null;
    const right = Math.min(x(model.end), PAD.left + diagram.inner());
    const px = missing ? right : x(way.deliver);
    if (missing) svg("circle", { class: "missing", cx: px, cy: y(member.id), r: 5 }, own);
    const flip = px > PAD.left + diagram.inner() - 70;
    const label = svg(
      "text",
      { class: missing ? "delay missing" : "delay", x: px + (flip ? -9 : 7), y: y(member.id) - 8 },
      own,
    );
    label.setAttribute("text-anchor", flip ? "end" : "start");
    label.textContent = missing ? "not delivered" : `+${span(way.deliver - message.sent)}`;
  }
  svg("circle", { class: "source", cx: x(message.sent), cy: y(message.author), r: 6 }, own);
}

/** Returns the largest zoom factor, at which single steps are separate. */
const mostZoom = (model) => clamp(model.moments.length * 4, 20, 4000);

/** Zooms by a factor around a place of the window (0 is its left edge, 1 its right edge). */
function zoomBy(diagram, model, factor, around) {
  const { view } = diagram;
  const center = view.from + around / view.zoom;
  view.zoom = clamp(view.zoom * factor, 1, mostZoom(model));
  view.from = clamp(center - around / view.zoom, 0, 1 - 1 / view.zoom);
}

/** Shows the window between two moments. */
function showWindow(diagram, model, from, to) {
  const { view, share } = diagram;
  const [left, right] = [share(from), share(to)].map((place) => clamp(place, 0, 1));
  if (right <= left) return;
  view.zoom = clamp(1 / (right - left), 1, mostZoom(model));
  view.from = clamp(left, 0, 1 - 1 / view.zoom);
}

/** Moves the window to show a message, from its sending to its last entry if that fits. */
function reveal(diagram, model, message) {
  const { view, share } = diagram;
  if (view.zoom === 1 || message.sent === null) return;
  const left = share(message.sent);
  const right = Math.max(left, ...message.ways.map((way) => (way.deliver === null ? 0 : share(way.deliver))));
  const size = 1 / view.zoom;
  if (left >= view.from && right <= view.from + size) return;
  view.from = clamp(right - left < size ? (left + right - size) / 2 : left - size * 0.1, 0, 1 - size);
}

/** Creates the overview: every sending in its author's row, and the window that the diagram shows. */
function makeOverview(model, diagram, host, moved) {
  const root = svg("svg", { "aria-hidden": "true" }, null);
  host.append(root);
  const height = 34;
  const ticks = svg("g", {}, root);
  const shade = [svg("rect", { class: "shade" }, root), svg("rect", { class: "shade" }, root)];
  const frame = svg("rect", { class: "frame", rx: 4 }, root);
  const place = (rect, left, width, inset) => {
    const box = { x: left, width: Math.max(0, width), y: inset, height: height - inset * 2 };
    for (const [name, value] of Object.entries(box)) rect.setAttribute(name, value);
  };

  function draw() {
    const { view, share, inner } = diagram;
    root.setAttribute("viewBox", `0 0 ${view.width} ${height}`);
    ticks.replaceChildren();
    const row = (height - 10) / Math.max(1, model.members.length);
    model.members.forEach((member) => {
      if (view.hidden.has(member.id)) return;
      const top = 5 + row * member.id;
      const d = model.messages
        .filter((message) => message.author === member.id && message.sent !== null)
        .map((message) => `M${(PAD.left + share(message.sent) * inner()).toFixed(1)} ${top}v${Math.max(1.5, row - 1)}`)
        .join("");
      svg("path", { d, stroke: colorOf(member.id), "stroke-width": 1.4, fill: "none" }, ticks);
    });
    const left = PAD.left + view.from * inner();
    const width = inner() / view.zoom;
    place(shade[0], PAD.left - 4, left - PAD.left + 4, 0);
    place(shade[1], left + width, PAD.left + inner() + 4 - left - width, 0);
    place(frame, left - 4, Math.max(10, width + 8), 1);
    host.classList.toggle("whole", view.zoom === 1);
  }

  const move = (event) => {
    const { view, inner } = diagram;
    const box = root.getBoundingClientRect();
    const at = ((event.clientX - box.left) * (view.width / box.width) - PAD.left) / inner();
    view.from = clamp(at - 0.5 / view.zoom, 0, 1 - 1 / view.zoom);
    moved();
  };
  root.addEventListener("pointerdown", (event) => {
    root.setPointerCapture(event.pointerId);
    move(event);
  });
  root.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) move(event);
  });
  return { draw };
}
