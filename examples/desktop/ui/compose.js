// Writing a message.

import { call, does } from "./tempo.js";
import { $, el, show } from "./dom.js";
import { size } from "./words.js";

let hasFiles = false;

export function setUpCompose() {
  const text = $("text");
  text.oninput = grow;
  text.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("compose").requestSubmit();
    }
  };
  $("attach").onclick = () => call("choose_files");
  $("compose").onsubmit = async (event) => {
    event.preventDefault();
    const written = text.value;
    if ((written.trim() === "" && !hasFiles) || $("send").disabled) return;
    $("send").disabled = true;
    $("send").textContent = hasFiles ? "Attaching…" : "Send";
    // A command without a result returns null.
    if ((await does("send", { text: written })) && text.value === written) text.value = "";
    $("send").disabled = false;
    $("send").textContent = "Send";
    grow();
    $("scroll").scrollTop = $("scroll").scrollHeight;
    text.focus();
  };
}

function grow() {
  const text = $("text");
  text.rows = Math.min(6, text.value.split("\n").length);
}

export function drawTray(files) {
  hasFiles = files.length > 0;
  const take = (index) => call("drop_file", { index });
  const chip = ({ name, bytes }, index) =>
    el(
      "li",
      {},
      el("strong", {}, name),
      el("small", {}, bytes === null ? "cannot be read" : size(bytes)),
      el("button", { type: "button", className: "quiet", ariaLabel: "Remove", onclick: () => take(index) }, "×"),
    );
  show($("tray"), files.map(chip));
}
