// Nodes are built and filled with text, never with markup: names come from strangers.

export const $ = (id) => document.getElementById(id);

export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Says what came of something, to eyes and to screen readers.
export function say(text, bad = false) {
  const notice = $("notice");
  notice.textContent = text;
  notice.classList.toggle("bad", bad);
}

// A server that does not answer has a place of its own to be told of.
export function fail(answer) {
  say(answer.status ? answer.message : "", true);
}

// Runs a task for a button, which takes no second click meanwhile and keeps the focus.
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

// Shows one of two places, and takes the focus along if it was in the one that goes.
export function swap(shown, gone, heading) {
  const inside = gone.some((node) => node.contains(document.activeElement));
  for (const node of gone) node.hidden = true;
  for (const node of shown) node.hidden = false;
  if (inside) heading.focus();
}
