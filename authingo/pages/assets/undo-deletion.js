import { client } from "./page.js";
import { onSpend } from "./spending.js";

onSpend((values) => client.undoDeletion(values));
