import { Window } from "happy-dom";

// A page for React to render into. Only that: fetch and BroadcastChannel stay Node's own.
const window = new Window({ url: "https://app.example.com/" });
Object.assign(globalThis, {
  window,
  document: window.document,
  Event: window.Event,
  CustomEvent: window.CustomEvent,
  HTMLIFrameElement: window.HTMLIFrameElement,
  addEventListener: window.addEventListener.bind(window),
  removeEventListener: window.removeEventListener.bind(window),
  dispatchEvent: window.dispatchEvent.bind(window),
  IS_REACT_ACT_ENVIRONMENT: true,
});
// Node has a navigator of its own from version 21 on, which cannot be assigned to.
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
