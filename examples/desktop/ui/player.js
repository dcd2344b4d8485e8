// A player for sound. WebKit's own controls show a sound as loading until it is played.

import { call, showTrouble } from "./tempo.js";
import { el } from "./dom.js";
import { duration } from "./words.js";

/** Larger files are loaded after a click. */
const AT_ONCE = 16 * 1000 * 1000;
const STEPS = 1000;

/** Makes a player of a file that is on this machine. */
export function makePlayer(file) {
  const audio = el("audio", { preload: "auto", "data-file": file.id });
  const button = el("button", { type: "button", className: "play", ariaLabel: "Play" }, "▶");
  const seek = el("input", { type: "range", max: STEPS, value: 0, disabled: true, ariaLabel: "Position" });
  const times = el("small", {}, "");
  const tell = () => {
    const { currentTime: at, duration: all } = audio;
    times.textContent = Number.isFinite(all) ? `${duration(at)} / ${duration(all)}` : "";
    if (Number.isFinite(all)) seek.value = (at / all) * STEPS;
    button.textContent = audio.paused ? "▶" : "❚❚";
    button.ariaLabel = audio.paused ? "Play" : "Pause";
  };
  audio.onloadedmetadata = () => {
    seek.disabled = false;
    tell();
  };
  audio.ontimeupdate = audio.onplay = audio.onpause = audio.onended = tell;
  seek.oninput = () => {
    audio.currentTime = (seek.value / STEPS) * audio.duration;
  };
  let loaded = file.bytes <= AT_ONCE ? load(audio, file) : null;
  button.onclick = async () => {
    loaded ??= load(audio, file);
    await loaded;
    if (audio.paused) audio.play().catch(() => cannotPlay(file));
    else audio.pause();
  };
  return el("span", { className: "player" }, button, seek, times, audio);
}

/** Lets go of the content. */
export function endPlayer(player) {
  const audio = player.querySelector("audio");
  audio.pause();
  URL.revokeObjectURL(audio.src);
}

async function load(audio, file) {
  const content = await call("content", { id: file.id });
  if (!content) return;
  audio.onerror = () => cannotPlay(file);
  audio.src = URL.createObjectURL(new Blob([content], { type: file.media_type }));
}

function cannotPlay(file) {
  showTrouble({ message: `${file.name} cannot be played here`, advice: "Save it, and play it with another program." });
}
