// Words and elements: readable times, and small builders for HTML and SVG.

const SECOND = 1e6,
  MINUTE = 60 * SECOND,
  HOUR = 60 * MINUTE,
  DAY = 24 * HOUR;

/** Formats a duration with its units. */
function span(us) {
  const pad = (number) => String(Math.floor(number)).padStart(2, "0");
  if (us < 1000) return `${us} µs`;
  if (us < SECOND) return `${+(us / 1000).toPrecision(3)} ms`;
  if (us < MINUTE) return `${(us / SECOND).toFixed(us < 10 * SECOND ? 2 : 1)} s`;
  if (us < HOUR) return `${Math.floor(us / MINUTE)} min ${pad((us % MINUTE) / SECOND)} s`;
  if (us < DAY) return `${Math.floor(us / HOUR)} h ${pad((us % HOUR) / MINUTE)} min`;
  return `${Math.floor(us / DAY)} d ${pad((us % DAY) / HOUR)} h`;
}

/** Formats a moment as a clock does: `m:ss`, with the decimals that the step between moments needs. */
function moment(us, step) {
  const decimals = step >= SECOND ? 0 : step >= 1000 ? Math.min(3, Math.ceil(-Math.log10(step / SECOND))) : 6;
  const seconds = ((us % MINUTE) / SECOND).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const minutes = Math.floor((us % HOUR) / MINUTE);
  if (us < HOUR) return `${minutes}:${seconds}`;
  return `${Math.floor(us / HOUR)}:${String(minutes).padStart(2, "0")}:${seconds}`;
}

/** Returns the smallest round time step that is at least `least`. */
function roundStep(least) {
  if (least <= SECOND) {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
  }
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  return steps.map((step) => step * SECOND).find((step) => step >= least) ?? Math.ceil(least / DAY) * DAY;
}

/** Formats a number of things. */
const counted = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** Returns the color of a member's messages. */
const colorOf = (author) => (author < 0 ? "var(--muted)" : `var(--c${author % 8})`);

/** Truncates a text to a length, with an ellipsis if it was longer. */
function cut(text, length) {
  const points = [...text];
  return points.length > length ? `${points.slice(0, length - 1).join("")}…` : text;
}

/** Creates an HTML element with properties and children. Children are elements or texts, never markup. */
function el(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Creates an SVG element with attributes and adds it to a parent. */
function svg(tag, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (parent) parent.append(made);
  return made;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
