// What `cargo xtask page` adds to a copy of the page: it looks, uses the page as a person would, looks again, and leaves
// what it saw in the document. It judges nothing. Time is the browser's virtual time, so waiting costs nothing.
(async () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const has_size = (element) => element.getBoundingClientRect().width > 0 && element.getBoundingClientRect().height > 0;
  const number = (element, name) => Number(element.getAttribute(name));
  // The page draws with the next frame, and writes its address a quarter of a second later.
  const rest = () => new Promise((done) => setTimeout(done, 500));

  function look() {
    const groups = all("#plot .arrows > g");
    const seen = groups.map((_, id) => id).filter((id) => has_size(groups[id].querySelector(".dot")));
    const heads = seen.map((id) => groups[id].querySelector(".head").getAttribute("d") ?? "");
    const dots = seen.map((id) => number(groups[id].querySelector(".dot"), "cx"));
    return {
      lanes: new Set(all("#plot .lanes .lane").map((lane) => number(lane, "y1"))).size,
      names: all("#plot .names text").map((text) => text.firstChild.data),
      messages: seen,
      arrows: heads.join("").split("M").length - 1,
      spread: Math.max(...dots) - Math.min(...dots),
      legend: all("#chips button").map((button) => button.textContent),
      pressed: all("#chips button").map((button) => button.getAttribute("aria-pressed") === "true"),
      guide: all("#card .guide dt svg").filter(has_size).length,
      places: all("#strip .cell:not(.off)").length,
      card: one("#card h2")?.textContent ?? "",
      address: location.hash,
      dark: matchMedia("(prefers-color-scheme: dark)").matches,
      ground: getComputedStyle(document.documentElement).backgroundColor,
    };
  }

  const press = async (key) => {
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await rest();
  };
  const click = async (selector, init) => {
    one(selector).dispatchEvent(new MouseEvent("click", { bubbles: true, ...init }));
    await rest();
  };
  const double_click = async (selector) => {
    for (const detail of [1, 2]) await click(selector, { detail });
  };
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true, cancelable: true };
  };

  const saw = {};
  await rest();
  saw.loaded = look();
  await double_click("#chips button");
  saw.alone = look();
  await double_click("#chips button");
  saw.together = look();
  await click("#in");
  saw.zoomed = look();
  one("#plot svg").dispatchEvent(new WheelEvent("wheel", { deltaY: -300, ...middle(one("#plot svg")) }));
  await rest();
  saw.wheeled = look();
  await press("0");
  saw.fitted = look();
  const cell = middle(one("#strip .column"));
  await click("#strip svg", cell);
  saw.pinned = look();
  await press("Escape");
  saw.free = look();
  // How many messages show on the card when the pointer is on their dot; others lie under a mark or another dot.
  const cards = new Set();
  for (const dot of all("#plot .arrows .dot").filter(has_size)) {
    one("#plot svg").dispatchEvent(new PointerEvent("pointermove", middle(dot)));
    cards.add(one("#card h2").textContent);
  }
  saw.cards = cards.size;

  const answer = document.createElement("script");
  answer.type = "application/json";
  answer.id = "probe";
  answer.textContent = JSON.stringify(saw).replaceAll("<", "\\u003c");
  document.body.append(answer);
})();
