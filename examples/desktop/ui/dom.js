// Building the page. Text from others is only ever set as text.

export const $ = (id) => document.getElementById(id);

/** Makes an element. `about` has properties, `data-…` and `aria-…` attributes; children are elements or text. */
export function el(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Shows exactly these children, and keeps those that are already there, so that a player goes on playing. */
export function show(parent, children) {
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
