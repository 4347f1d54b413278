"use client"; // rendered on the server too, with the session that the layout found

export { App as default } from "../src/App";
