// Nodes are built and filled with text, never with markup: names come from strangers.

export const $ = (id) => document.getElementById(id);

export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Shows the result of an action, also to screen readers.
export function say(text, bad = false) {
  const notice = $("notice");
  notice.textContent = text;
  notice.classList.toggle("bad", bad);
}

// Shows an error. If the server did not answer, another place on the page says so.
export function fail(answer) {
  say(answer.status ? answer.message : "", true);
}

// Runs a task for a button, which ignores clicks meanwhile and keeps the focus.
export async function busy(button, task) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await task();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

export function onClick(id, task) {
  const button = $(id);
  button.addEventListener("click", () => busy(button, task));
}

// Shows some parts and hides others, and moves the focus if it was in a part that is now hidden.
export function swap(shown, gone, heading) {
  const inside = gone.some((node) => node.contains(document.activeElement));
  for (const node of gone) node.hidden = true;
  for (const node of shown) node.hidden = false;
  if (inside) heading.focus();
}
