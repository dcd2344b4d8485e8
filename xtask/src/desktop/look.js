const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector) => [...document.querySelectorAll(selector)];
const isOpen = () => document.body.dataset.view === "room";
const textOf = (row) => $(".text", row)?.textContent ?? "";
const messages = () => $$("#messages .message").map((row) => `${row.dataset.id} ${textOf(row)}`);
const has = (text) => $$("#messages .text").some((each) => each.textContent === text);
const findings = () => $$("#findings details").map((each) => each.dataset.kind);
const audio = () => $("#messages audio");
// Puts a script into the page, and returns whether it has changed the title.
const runs = (text) => {
  const [script, title] = [document.createElement("script"), document.title];
  script.textContent = text;
  document.head.append(script);
  script.remove();
  return document.title !== title;
};
// Draws a point in a corner again and again.
const beat = () => {
  const point = document.body.appendChild(document.createElement("i"));
  Object.assign(point.style, { position: "fixed", left: 0, top: 0, width: "1px", height: "1px" });
  let count = 0;
  window.beating = setInterval(() => { point.style.background = (count += 1) % 2 ? "#fff" : "#fefefe"; }, 20);
  window.beat = point;
};
const rest = () => {
  clearInterval(window.beating);
  window.beat.remove();
};
