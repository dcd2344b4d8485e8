// Words for values.

/** The first eight digits of an author, as the command shows it. */
export const short = (author) => author.slice(0, 8);

export const initial = (name) => [...name.trim()][0]?.toUpperCase() ?? "?";

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`;
}

/** Seconds as minutes and seconds. */
export function duration(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });

/** A time by its author's clock. It may be any number, even one that no calendar has. */
export function time(ms) {
  const then = new Date(ms);
  if (Number.isNaN(then.getTime())) return "";
  const isToday = then.toDateString() === new Date().toDateString();
  return isToday ? clock.format(then) : `${day.format(then)}, ${clock.format(then)}`;
}

/** The last part of a path. */
export const base = (path) => path.split(/[\\/]/).filter(Boolean).pop() ?? path;

let home = null;

export const setHome = (directory) => {
  home = directory;
};

/** A path, short if it is below the home directory. */
export function path(full) {
  const isBelow = home && full.startsWith(home) && /^[\\/]/.test(full.slice(home.length));
  return isBelow ? `~${full.slice(home.length)}` : full;
}

/** `AUTHOR/COUNTER` in words. */
export function message(id, name) {
  const [author, counter] = id.split("/");
  return `number ${parseInt(counter, 16)} of ${name(author)}`;
}
