// The page: combines the parts and follows pointer, keyboard and address.

/** Starts the page. */
function start() {
  const byId = (id) => document.getElementById(id);
  const model = readModel();
  const [plot, card, tip, list] = ["plot", "card", "tip", "list"].map(byId);
  byId("copy").hidden = false;
  if (!model.members.length) return;
  for (const id of ["panel", "order", "card"]) byId(id).hidden = false;
  if (!model.timeline.length) byId("strip").append(el("p", { className: "hint" }, "No message is in the timeline."));
  list.open = false;
  const diagram = makeDiagram(model, plot);
  const { view, root } = diagram;
  const overview = makeOverview(model, diagram, byId("overview"), redrawSoon);
  const strip = makeStrip(model, byId("strip"), view.hidden);
  let hovered = null,
    pinned = null,
    shown,
    waiting = 0,
    writing = 0;

  /** Draws everything that depends on zoom and filter. */
  function redraw() {
    diagram.draw();
    overview.draw();
    drawFocus(model, diagram, pinned ?? hovered);
  }

  /** Draws once before the next frame, no matter how many events ask for it. */
  function redrawSoon() {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      redraw();
      writeSoon();
    });
  }

  /** Redraws everything, for another size of the page or another filter. */
  function redrawAll() {
    diagram.fit();
    overview.draw();
    drawFocus(model, diagram, pinned ?? hovered);
    strip.draw();
    strip.light(pinned ?? hovered);
  }

  /** Shows the message in focus everywhere, or the guide. */
  function refocus() {
    const message = pinned ?? hovered;
    drawFocus(model, diagram, message);
    strip.light(message);
    const key = message ? `${message.id} ${message === pinned}` : "guide";
    if (key === shown) return;
    shown = key;
    if (message) showMessage(model, card, message, message === pinned);
    else showGuide(model, card);
  }

  function hover(message) {
    if (message === hovered) return;
    hovered = message;
    if (!pinned) refocus();
  }

  /** Pins a message, or unpins if there is none. Moves the window to it unless `stay` is set. */
  function pin(message, stay = false) {
    pinned = message;
    hovered = null;
    if (message) {
      view.hidden.delete(message.author);
      if (!stay) reveal(diagram, model, message);
    }
    legend();
    redrawAll();
    refocus();
    writeSoon();
  }

  function fromAddress() {
    const message = readAddress(model, diagram);
    showMode();
    pin(message, /[#&](from|to)=/.test(location.hash));
  }

  /** Writes the address once the view is at rest, because browsers refuse to do it for every turn of the wheel. */
  function writeSoon() {
    clearTimeout(writing);
    writing = setTimeout(() => writeAddress(model, diagram, pinned), 250);
  }

  /** Pins the next message of the timeline in a direction, skipping hidden authors. */
  function step(direction) {
    const current = pinned ?? hovered;
    let place =
      current && current.place >= 0 ? current.place + direction : direction > 0 ? 0 : model.timeline.length - 1;
    while (place >= 0 && place < model.timeline.length) {
      const message = model.messages[model.timeline[place]];
      if (!view.hidden.has(message.author)) return pin(message);
      place += direction;
    }
    return undefined;
  }

  function zoom(factor, around = 0.5) {
    zoomBy(diagram, model, factor, around);
    redrawSoon();
  }

  function setMode(mode) {
    view.mode = mode;
    showMode();
    redraw();
    writeSoon();
  }

  function showMode() {
    for (const id of ["clock", "steps"]) byId(id).setAttribute("aria-pressed", String(id === view.mode));
  }

  /** Draws the chips that show and hide authors. A double click shows one author alone. */
  function legend() {
    byId("chips").replaceChildren(
      ...model.members.map((member) => {
        const on = !view.hidden.has(member.id);
        const made = el(
          "button",
          {
            type: "button",
            className: "author",
            title: `${member.name}: click to hide or show, double-click to show only this member`,
          },
          el("i"),
          el("bdi", {}, cut(member.name, 18)),
        );
        made.style.setProperty("--c", colorOf(member.id));
        made.setAttribute("aria-pressed", String(on));
        made.dataset.member = member.id;
        return made;
      }),
    );
  }

  let before = new Set();
  byId("chips").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const who = Number(button.dataset.member);
    if (event.detail === 2) {
      // The first of the two clicks has already changed the filter; what counts is the filter before it.
      const alone = before.size === model.members.length - 1 && !before.has(who);
      view.hidden.clear();
      for (const member of model.members) if (!alone && member.id !== who) view.hidden.add(member.id);
    } else {
      before = new Set(view.hidden);
      if (!view.hidden.delete(who)) view.hidden.add(who);
    }
    if (pinned && view.hidden.has(pinned.author)) pin(null);
    legend();
    redrawAll();
    writeSoon();
    byId("chips").children[who]?.focus();
  });

  /** Returns a point of the page in the diagram's own units. */
  function inDiagram(event) {
    const box = root.getBoundingClientRect();
    const scale = view.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  function showTip(lines, event) {
    tip.hidden = !lines;
    if (!lines) return;
    const few = lines.length > 6 ? [...lines.slice(0, 5), `and ${lines.length - 5} more`] : lines;
    tip.replaceChildren(...few.map((line) => el("p", {}, el("bdi", {}, line))));
    tip.style.left = `${clamp(event.clientX + 14, 8, window.innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${clamp(event.clientY + 16, 8, window.innerHeight - tip.offsetHeight - 8)}px`;
  }

  let drag = null;
  root.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { px: event.clientX, from: view.from, moved: false };
  });
  root.addEventListener("pointermove", (event) => {
    if (drag && event.buttons & 1) {
      const far = event.clientX - drag.px;
      if (!drag.moved && Math.abs(far) < 4) return;
      if (!drag.moved) root.setPointerCapture(event.pointerId);
      drag.moved = true;
      root.classList.add("dragged");
      view.from = drag.from - far / (diagram.inner() * view.zoom);
      showTip(null);
      redrawSoon();
      return;
    }
    const found = diagram.hit(...inDiagram(event));
    root.classList.toggle("over", Boolean(found.message));
    hover(found.message ?? null);
    showTip(found.lines, event);
  });
  root.addEventListener("pointerup", (event) => {
    const clicked = drag && !drag.moved;
    drag = null;
    root.classList.remove("dragged");
    if (clicked) pin(diagram.hit(...inDiagram(event)).message ?? null);
  });
  root.addEventListener("pointerleave", () => {
    if (!drag) {
      hover(null);
      showTip(null);
    }
  });
  root.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // With everything in view there is nothing to zoom out to, and the wheel belongs to the page.
      if (view.zoom === 1 && (sideways || event.deltaY > 0)) return;
      event.preventDefault();
      const [px] = inDiagram(event);
      const lines = event.deltaMode === 1 ? 16 : 1;
      if (sideways) {
        view.from += ((event.deltaX || event.deltaY) * lines) / (diagram.inner() * view.zoom);
        redrawSoon();
      } else zoom(Math.exp(-event.deltaY * lines * 0.0016), clamp((px - PAD.left) / diagram.inner(), 0, 1));
    },
    { passive: false },
  );

  strip.root.addEventListener("pointermove", (event) => hover(strip.hit(event)));
  strip.root.addEventListener("pointerleave", () => hover(null));
  strip.root.addEventListener("click", (event) => pin(strip.hit(event)));
  list.addEventListener("pointerover", (event) => {
    const row = event.target.closest("tr[id]");
    hover(row ? (model.messages[Number(row.id.slice(4))] ?? null) : null);
  });
  list.addEventListener("pointerleave", () => hover(null));

  const actions = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    Escape: () => pin(null),
    "+": () => zoom(1.6),
    "=": () => zoom(1.6),
    "-": () => zoom(1 / 1.6),
    0: () => zoom(1e-9),
  };
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  byId("in").addEventListener("click", () => zoom(1.6));
  byId("out").addEventListener("click", () => zoom(1 / 1.6));
  byId("fit").addEventListener("click", () => zoom(1e-9));
  byId("clock").addEventListener("click", () => setMode("clock"));
  byId("steps").addEventListener("click", () => setMode("steps"));
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(byId("command").textContent);
      byId("copy").textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(byId("command"));
    }
  });
  const lost = model.messages.filter((message) => message.place < 0);
  if (lost.length) {
    byId("lost").append(
      el("h3", {}, `Not in the timeline: ${lost.length}`),
      el(
        "p",
        { className: "chips" },
        lost.slice(0, 60).map((message) => chip(model, message.id)),
      ),
    );
  }
  addEventListener("hashchange", fromAddress);
  addEventListener("resize", redrawAll);
  addEventListener("beforeprint", () => {
    list.open = true;
    redrawAll();
  });
  legend();
  redrawAll();
  fromAddress();
}

start();
