// The account: each panel is a module, and gets the user who is signed in.

import { client, $, facts, leaveNote, note, onClick, show, text, wordsOf } from "./page.js";

const panels = await Promise.all(facts.panels.map((name) => import(`./panels/${name}.js`)));
let user; // whose account is shown

function render() {
  const state = client.getState();
  if (state.status === "loading") {
    if (!state.error) return;
    $("failed-why").textContent = wordsOf(state.error);
    show("failed");
  } else if (state.status === "unauthenticated") {
    const { farewell } = document.documentElement.dataset;
    const why = farewell ?? (state.error ? "session_over" : user && "signed_out"); // here, or in another tab
    leave(why && `sign_in.flash_${why}`);
  } else if (user && user !== state.user.id) {
    location.reload(); // another tab signed somebody else in
  } else {
    begin(state);
    for (const panel of panels) panel.update?.(state);
  }
}

function begin({ user: signedIn }) {
  $("who").textContent = text("account.signed_in_as", signedIn);
  for (const input of document.querySelectorAll(".username")) input.value = signedIn.email;
  if (user) return;
  user = signedIn.id;
  $("loading").hidden = $("failed").hidden = true;
  $("account").hidden = false;
  for (const panel of panels) panel.start?.();
}

let leaving = false;
function leave(name) {
  if (leaving) return;
  leaving = true;
  $("account").hidden = true;
  if (name) leaveNote(name);
  location.replace(`${facts.pages}/sign-in`);
}

onClick("sign-out", async () => {
  const { error } = await client.signOut();
  note("problem", error ? wordsOf(error) : "");
});

onClick("retry", async () => {
  $("failed").hidden = true;
  $("loading").hidden = false;
  await client.getSession();
  render();
});

// Forms that a button opens and closes.
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => {
    const form = $(button.dataset.open);
    form.hidden = !form.hidden;
    button.setAttribute("aria-expanded", String(!form.hidden));
    if (!form.hidden) form.querySelector("input:not([hidden])").focus();
  });
}

// The browser may show a page again as it was when it was left.
addEventListener("pageshow", ({ persisted }) => persisted && client.getSession());
client.subscribe(render);
render();
