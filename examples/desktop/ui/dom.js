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

/** Shows exactly these children. Those that are there already stay where they are: a player plays on, and a button
 * that is just being pressed stays pressed. */
export function show(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
}
