// The diagram: lanes, arrows, waits and marks, redrawn from the model for every zoom and size.

const PAD = { left: 96, right: 28, top: 34, bottom: 10 };

/** Creates the diagram in `host`. `fit` and `draw` update it; `hit` returns what is under a point. */
function makeDiagram(model, host) {
  const view = { zoom: 1, from: 0, mode: "clock", width: 800, height: 400, gap: 90, hidden: new Set() };
  const index = new Map(model.moments.map((at, order) => [at, order]));
  const last = Math.max(1, model.moments.length - 1);
  const names = model.members.map((member) => member.name).join(", ");
  const root = svg("svg", { role: "img", "aria-label": `Space-time diagram; a lane for each of ${names}` }, null);
  host.append(root);
  const defs = svg("defs", {}, root);
  const clip = svg("rect", {}, svg("clipPath", { id: "inside" }, defs));
  for (let color = 0; color < 8; color += 1) {
    const hatch = svg(
      "pattern",
      { id: `hatch${color}`, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      defs,
    );
    svg("rect", { width: 4, height: 4, fill: `var(--c${color})`, opacity: 0.22 }, hatch);
    svg("rect", { width: 1.7, height: 4, fill: `var(--c${color})` }, hatch);
  }
  const axis = svg("g", { class: "axis" }, root);
  const labels = svg("g", { class: "names" }, root);
  const plot = svg("g", { "clip-path": "url(#inside)" }, root);
  const lanes = svg("g", { class: "lanes" }, plot);
  const arrows = svg("g", { class: "arrows" }, plot);
  const marks = svg("g", { class: "marks" }, plot);
  const notes = svg("g", { class: "notes" }, plot);
  const focus = svg("g", { class: "focus" }, plot);
  const drawn = model.messages.map((message) => {
    const group = svg("g", { style: `--c:${colorOf(message.author)}` }, arrows);
    return {
      group,
      kept: svg("path", { class: "kept" }, group),
      thin: svg("path", { class: "held thin" }, group),
      bars: svg("path", { class: "held", fill: `url(#hatch${Math.max(0, message.author) % 8})` }, group),
      line: svg("path", { class: "line" }, group),
      heads: svg("path", { class: "head" }, group),
      dot: svg("circle", { class: "dot" }, group),
    };
  });
  let segments = [],
    places = [];

  /** Returns the place of a moment between 0 and 1. */
  const share = (at) => (view.mode === "clock" ? at / model.end : (index.get(at) ?? orderOf(at)) / last);
  const orderOf = (at) => model.moments.filter((found) => found < at).length;
  /** Returns the moment at a place between 0 and 1. */
  const momentAt = (place) =>
    view.mode === "clock" ? place * model.end : (model.moments[Math.round(place * last)] ?? model.end);
  const inner = () => view.width - PAD.left - PAD.right;
  const x = (at) => PAD.left + (share(at) - view.from) * view.zoom * inner();
  const y = (who) => PAD.top + view.gap * (who + 0.36);
  const pitch = (who) => Math.min(6, (view.gap * 0.42) / model.members[who].rows);
  const barY = (who, row) => y(who) + 10 + (row + 0.5) * pitch(who);

  /** Returns the corners of a message's way to a member: arrow, wait, entry. Empty if it never arrived. */
  function corners(message, who) {
    const way = message.ways[who];
    if (who === message.author || message.sent === null) return [];
    const start = [x(keptUntil(model, message)), y(message.author)];
    const enter = way.deliver === null ? null : [x(way.deliver), y(who)];
    if (way.hold !== null) {
      const level = barY(who, way.row);
      const until = enter ? enter[0] : x(model.end);
      return [start, [x(way.arrive), y(who)], [x(way.arrive), level], [until, level], ...(enter ? [enter] : [])];
    }
    if (!enter) return way.arrive === null ? [] : [start, [x(way.arrive), y(who)]];
    // A file that stayed unread gets a corner if there is room to see it.
    const lay = way.arrive !== null && enter[0] - x(way.arrive) > 10;
    return lay ? [start, [x(way.arrive), y(who)], enter] : [start, enter];
  }

  /** Returns a triangle whose tip is the last corner. */
  function head(points, size) {
    const [bx, by] = points.at(-1);
    const [ax, ay] = points.at(-2);
    const length = Math.hypot(bx - ax, by - ay) || 1;
    const [dx, dy] = [((bx - ax) / length) * size, ((by - ay) / length) * size];
    const [cx, cy] = [bx - dx, by - dy];
    return `M${f(bx)} ${f(by)}L${f(cx - dy * 0.42)} ${f(cy + dx * 0.42)}L${f(cx + dy * 0.42)} ${f(cy - dx * 0.42)}Z`;
  }

  const f = (number) => Math.round(number * 10) / 10;
  const path = (points) => points.map(([px, py], at) => `${at ? "L" : "M"}${f(px)} ${f(py)}`).join("");

  /** Fits the diagram to its host and draws everything. */
  function fit() {
    view.width = Math.max(360, host.clientWidth || 800);
    const count = Math.max(1, model.members.length);
    view.gap = clamp((window.innerHeight - 470) / count, count > 6 ? 62 : 76, 132);
    view.height = Math.round(PAD.top + view.gap * count + PAD.bottom);
    root.setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
    drawNames();
    draw();
  }

  /** Draws the visible window. */
  function draw() {
    view.from = clamp(view.from, 0, 1 - 1 / view.zoom);
    places = [];
    drawAxis();
    drawLanes();
    drawArrows();
    drawMarks();
  }

  /** Draws the names at the left, truncated to fit. Their width decides where the lanes begin. */
  function drawNames() {
    labels.replaceChildren();
    const most = Math.min(150, view.width * 0.22);
    let widest = 40;
    for (const member of model.members) {
      const level = y(member.id);
      svg("circle", { cx: 8, cy: level, r: 5, fill: colorOf(member.id) }, labels);
      const label = svg("text", { x: 21, y: level + 4.5 }, labels);
      let length = Math.min(24, [...member.name].length);
      do label.textContent = cut(member.name, length);
      while (label.getComputedTextLength() > most && --length > 1);
      widest = Math.max(widest, label.getComputedTextLength());
      svg("title", {}, label).textContent = member.name;
    }
    PAD.left = Math.round(21 + widest + 22);
    for (const [name, value] of Object.entries({ x: PAD.left - 8, y: 0, width: inner() + 16, height: view.height })) {
      clip.setAttribute(name, value);
    }
  }

  function drawAxis() {
    axis.replaceChildren();
    const bottom = view.height - PAD.bottom;
    const tick = (px, text) => {
      svg("line", { x1: px, x2: px, y1: PAD.top - 8, y2: bottom }, axis);
      svg("text", { x: px, y: PAD.top - 15 }, axis).textContent = text;
    };
    if (view.mode === "clock") {
      const step = roundStep((model.end * 72) / (view.zoom * inner()));
      const first = Math.ceil((view.from * model.end) / step);
      const until = (view.from + 1 / view.zoom) * model.end;
      for (let n = first; n * step <= until; n += 1) tick(x(n * step), moment(n * step, step));
      return;
    }
    const ticks = Math.max(1, Math.floor(inner() / 110));
    for (let n = 0; n <= ticks; n += 1) {
      const at = model.moments[Math.round((view.from + n / ticks / view.zoom) * last)];
      if (at !== undefined && x(at) >= PAD.left - 8) tick(x(at), moment(at, model.end < 10 * SECOND ? 1000 : 1e5));
    }
  }

  function drawLanes() {
    lanes.replaceChildren();
    notes.replaceChildren();
    for (const member of model.members) {
      const level = y(member.id);
      let from = 0;
      const downs = member.states.filter((state) => state.kind === "crash");
      for (const down of [...downs, { from: model.end, to: model.end }]) {
        if (down.from > from || from === 0)
          svg("line", { class: "lane", x1: x0(from), x2: x(down.from), y1: level, y2: level }, lanes);
        from = down.to ?? model.end;
      }
      const labeled = [];
      for (const state of member.states) drawState(member, state, level, labeled);
      if (member.missing) {
        const text = svg("text", { class: "bad", x: x(model.end), y: level - 9, "text-anchor": "end" }, notes);
        text.textContent = `${member.missing} not delivered`;
      }
    }
  }

  /** Returns the left end of a lane, which begins at time zero and not at the first step. */
  const x0 = (at) => (at === 0 ? PAD.left - view.from * view.zoom * inner() : x(at));

  /** Draws a state. `labeled` has the labels of the lane so far, so that none covers another. */
  function drawState(member, state, level, labeled) {
    const [left, right] = [x(state.from), x(state.to ?? model.end)];
    const crash = state.kind === "crash";
    const words = `${BANDS[state.kind]} ${span((state.to ?? model.end) - state.from)}`;
    const group = svg("g", { class: state.kind }, lanes);
    svg("rect", { class: "band", x: left, y: level - 9, width: Math.max(0, right - left), height: 18, rx: 9 }, group);
    const over = svg("g", { class: state.kind }, notes);
    svg("line", { class: "gap", x1: left, x2: right, y1: level, y2: level }, over);
    if (crash) {
      svg("path", { class: "cross", d: `M${f(left - 5)} ${f(level - 5)}l10 10m0 -10l-10 10` }, over);
      if (state.to !== null) svg("line", { class: "back", x1: right, x2: right, y1: level - 7, y2: level + 7 }, over);
    }
    const [seenLeft, seenRight] = [Math.max(left, PAD.left), Math.min(right, PAD.left + inner())];
    const half = words.length * 3 + 6;
    const centers = [(seenLeft + seenRight) / 2, seenLeft + half, seenRight - half];
    const clear = (center) =>
      member.marks.every((mark) => Math.abs(x(mark.at) - center) > half + 8) &&
      labeled.every((label) => Math.abs(label.center - center) > half + label.half);
    const center = centers.find(clear);
    if (seenRight - seenLeft > half * 2 && center !== undefined) {
      svg("text", { x: center, y: level - 13 }, over).textContent = words;
      labeled.push({ center, half });
    }
    const until = state.to === null ? "the end" : moment(state.to, 1e5);
    const title = `${member.name}: ${words}, from ${moment(state.from, 1e5)} to ${until}`;
    places.push({
      left: left - 6,
      right: Math.max(right, left + 6),
      top: level - 10,
      bottom: level + 10,
      lines: [title],
      weak: true,
    });
  }

  function drawArrows() {
    segments = [];
    const room = inner() / Math.max(1, countSeen());
    const bold = clamp((Math.log10(room) + 0.6) / 1.8, 0, 1);
    arrows.style.setProperty("--line", f(0.75 + 0.65 * bold));
    arrows.style.setProperty("--ink-line", (0.3 + 0.5 * bold).toFixed(2));
    const size = 3.6 + 4 * bold;
    for (const message of model.messages) {
      const shape = drawn[message.id];
      const off = view.hidden.has(message.author) || message.sent === null;
      shape.group.setAttribute("class", off ? "off" : "");
      if (off) continue;
      let line = "",
        heads = "",
        bars = "",
        thin = "";
      for (const member of model.members) {
        const points = corners(message, member.id);
        if (points.length < 2) continue;
        const way = message.ways[member.id];
        for (let n = 1; n < points.length; n += 1) segments.push([...points[n - 1], ...points[n], message]);
        if (way.hold === null) {
          line += path(points);
        } else {
          line += path(points.slice(0, 2));
          const thick = Math.max(1.2, Math.min(pitch(member.id) - 1, pitch(member.id) * 0.8));
          const [[start, level], [end]] = points.slice(2, 4);
          const bar = `M${f(start)} ${f(level - thick / 2)}H${f(Math.max(end, start + 1.5))}v${f(thick)}H${f(start)}Z`;
          if (thick < 3) thin += bar;
          else bars += bar;
          if (way.deliver !== null) line += path(points.slice(3));
        }
        if (way.deliver !== null) heads += head(points, size);
      }
      const kept = [
        [x(message.sent), y(message.author)],
        [x(keptUntil(model, message)), y(message.author)],
      ];
      const isLong = kept[1][0] - kept[0][0] > 3;
      if (isLong) segments.push([...kept[0], ...kept[1], message]);
      shape.kept.setAttribute("d", isLong ? path(kept) : "");
      shape.line.setAttribute("d", line);
      shape.heads.setAttribute("d", heads);
      shape.bars.setAttribute("d", bars);
      shape.thin.setAttribute("d", thin);
      const dot = { cx: f(x(message.sent)), cy: f(y(message.author)), r: f(2.4 + 1.9 * bold) };
      for (const [name, value] of Object.entries(dot)) shape.dot.setAttribute(name, value);
    }
  }

  /** Returns the number of ways that touch the window. The more there are, the thinner and paler their lines. */
  function countSeen() {
    const [left, right] = [PAD.left, PAD.left + inner()];
    let seen = 0;
    for (const message of model.messages) {
      if (message.sent === null || view.hidden.has(message.author) || x(message.sent) > right) continue;
      for (const way of message.ways) if (way.deliver !== null && x(way.deliver) >= left) seen += 1;
    }
    return seen;
  }

  /** Draws conflict copies and faults above their lane. Marks that would overlap become one. */
  function drawMarks() {
    marks.replaceChildren();
    for (const member of model.members) {
      for (const kind of ["copy", "fault"]) {
        let group = null;
        for (const mark of member.marks.filter((found) => found.kind === kind)) {
          const px = x(mark.at);
          const line = `${moment(mark.at, 1e5)}  ${kind === "copy" ? "conflict copy" : "fault"}: ${mark.text}`;
          if (group && px - group.px < 9) {
            group.lines.push(line);
            continue;
          }
          const top = y(member.id) - 20;
          svg("path", { class: kind, d: markShape(kind, f(px), f(top + 5)) }, marks);
          group = { px, left: px - 7, right: px + 7, top: top - 2, bottom: top + 12, lines: [line] };
          places.push(group);
        }
      }
    }
  }

  /** Returns what is under a point: a message, a mark with lines of text, or nothing. */
  function hit(px, py) {
    const inside = (place) => px >= place.left && px <= place.right && py >= place.top && py <= place.bottom;
    const mark = places.find((place) => !place.weak && inside(place));
    if (mark) return { lines: mark.lines };
    let best = null,
      nearest = 8;
    for (const message of model.messages) {
      if (message.sent === null || view.hidden.has(message.author)) continue;
      const distance = Math.hypot(px - x(message.sent), py - y(message.author));
      if (distance < nearest) [best, nearest] = [message, distance];
    }
    if (best) return { message: best };
    nearest = 5;
    for (const [ax, ay, bx, by, message] of segments) {
      const square = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
      const along = clamp(((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / square, 0, 1);
      const distance = Math.hypot(px - ax - along * (bx - ax), py - ay - along * (by - ay));
      if (distance < nearest) [best, nearest] = [message, distance];
    }
    if (best) return { message: best };
    const band = places.find((place) => place.weak && inside(place));
    return band ? { lines: band.lines } : {};
  }

  return { view, root, focus, fit, draw, hit, x, y, share, momentAt, inner, corners, head, path };
}

/** Returns the outline of a mark around a point: a diamond for a conflict copy, a triangle for a fault. */
function markShape(kind, px, py) {
  return kind === "copy" ? `M${px} ${py - 5}l4.4 5l-4.4 5l-4.4 -5Z` : `M${px} ${py - 5}l5 9h-10Z`;
}
