// The address contains what is shown and pinned, as in `#author=Ana&from=60&to=90&m=12`, so that a view can be
// shared.

/**
 * Reads the address into the view and returns the pinned message. Settings that the address does not contain stay
 * unchanged; unknown names are ignored. Times are in seconds.
 */
function readAddress(model, diagram) {
  const { view } = diagram;
  const given = new URLSearchParams(location.hash.slice(1));
  const names = given.getAll("author").map((name) => name.toLowerCase());
  const shown = model.members.filter((member) => names.includes(member.name.toLowerCase()));
  if (shown.length) {
    view.hidden.clear();
    for (const member of model.members) if (!shown.includes(member)) view.hidden.add(member.id);
  }
  if (given.has("scale")) view.mode = given.get("scale") === "steps" ? "steps" : "clock";
  const [from, to] = ["from", "to"].map((name) => (given.has(name) ? Number(given.get(name)) * SECOND : NaN));
  if (from >= 0 || to >= 0) showWindow(diagram, model, from >= 0 ? from : 0, to >= 0 ? to : model.end);
  return model.messages[given.get("m") ?? -1] ?? null;
}

/** Writes the view and the pinned message into the address, without settings that have their initial values. */
function writeAddress(model, diagram, pinned) {
  const { view, momentAt } = diagram;
  const said = new URLSearchParams();
  for (const member of model.members) {
    if (view.hidden.size && !view.hidden.has(member.id)) said.append("author", member.name);
  }
  if (view.mode !== "clock") said.set("scale", view.mode);
  if (view.zoom > 1) {
    said.set("from", `${+(momentAt(view.from) / SECOND).toFixed(3)}`);
    said.set("to", `${+(momentAt(view.from + 1 / view.zoom) / SECOND).toFixed(3)}`);
  }
  if (pinned) said.set("m", `${pinned.id}`);
  const address = `${location.pathname}${location.search}${said.size ? `#${said}` : ""}`;
  try {
    history.replaceState(null, "", address);
  } catch {
    // Some viewers of local files have no history; everything else works without it.
  }
}
