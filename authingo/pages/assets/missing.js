// The page for an address that leads nowhere needs no script of its own.
import "./page.js";
