// The strip: the resulting timeline, with a column for each message and a row for each author.

/** Creates the strip in `host`; `hit` returns the message under a point. */
function makeStrip(model, host, hidden) {
  const root = svg("svg", { role: "img", "aria-label": "The timeline, in order" }, null);
  host.append(root);
  const count = Math.max(1, model.members.length);
  let layout = { cell: 8, columns: 1, row: 7, block: 60, left: 0 };
  let cells = [];

  function draw() {
    const width = Math.max(360, host.clientWidth || 800);
    const room = width - 38;
    const left = 26;
    const total = Math.max(1, model.timeline.length);
    const blocks = Math.ceil((total * 4.5) / room);
    const columns = Math.ceil(total / blocks);
    const cell = Math.min(room / columns, 42);
    const wide = cell >= 22;
    const row = wide ? 16 : clamp(46 / count, 6, 9);
    const block = row * count + 26;
    layout = { cell, columns, row, block, left };
    root.setAttribute("viewBox", `0 0 ${width} ${blocks * block}`);
    root.replaceChildren();
    cells = [];
    const every = wide ? (cell > 34 ? 1 : 5) : 10;
    for (let n = 0; n < blocks; n += 1) {
      const size = Math.min(columns, model.timeline.length - n * columns) * cell;
      for (let who = 0; who < count; who += 1) {
        svg(
          "rect",
          {
            class: who % 2 ? "stave odd" : "stave",
            x: left,
            y: n * block + who * row,
            width: Math.max(0, size),
            height: row,
          },
          root,
        );
        if (model.members[who])
          svg(
            "circle",
            { cx: 8, cy: n * block + (who + 0.5) * row, r: Math.min(3.5, row / 2 - 0.6), fill: colorOf(who) },
            root,
          );
      }
    }
    model.timeline.forEach((id, place) => {
      const message = model.messages[id];
      const [px, py] = [left + (place % columns) * cell, Math.floor(place / columns) * block];
      const missing = message.ways.some((way, who) => who !== message.author && way.deliver === null);
      const group = svg(
        "g",
        { class: hidden.has(message.author) ? "cell off" : "cell", style: `--c:${colorOf(message.author)}` },
        root,
      );
      svg("rect", { class: "column", x: px, y: py, width: cell, height: row * count }, group);
      const box = {
        x: px + 0.5,
        y: py + Math.max(0, message.author) * row + 0.5,
        width: cell - (cell > 6 ? 1 : 0.7),
        height: row - 1,
        rx: wide ? 3 : 1.2,
      };
      svg("rect", { class: missing ? "block missing" : "block", ...box }, group);
      if (wide)
        svg("text", { class: "count", x: px + cell / 2, y: box.y + 11.3 }, group).textContent = cut(message.counter, 4);
      if ((place + 1) % every === 0 || place === 0)
        svg("text", { class: "place", x: px + cell / 2, y: py + row * count + 14 }, root).textContent = place + 1;
      // Two of the light palette's colors are too pale for white figures.
      group.classList.toggle("light", [2, 4].includes(message.author % 8));
      cells[id] = group;
    });
  }

  /** Returns the message under a point of the page. */
  function hit(event) {
    const box = root.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - layout.left) / layout.cell);
    const line = Math.floor((event.clientY - box.top) / layout.block);
    if (column < 0 || column >= layout.columns || line < 0) return null;
    return model.messages[model.timeline[line * layout.columns + column]] ?? null;
  }

  let lit = [];
  /** Highlights a message and, less strongly, its causes; dims the rest. */
  function light(message) {
    for (const [id, name] of lit) cells[id]?.classList.remove(name);
    lit = message ? [[message.id, "on"], ...message.causes.map((id) => [id, "cause"])] : [];
    for (const [id, name] of lit) cells[id]?.classList.add(name);
    root.classList.toggle("dim", Boolean(message));
  }

  return { root, draw, hit, light };
}
