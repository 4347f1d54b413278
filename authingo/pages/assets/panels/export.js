import { client, el, note, onClick, text, wordsOf } from "../page.js";
import { withRecent } from "../recent.js";

onClick("export-button", async () => {
  const { data, error } = await withRecent(() => client.exportUser());
  if (error?.code === "cancelled") return;
  note("export-note", error ? wordsOf(error) : text("panel_export.done"));
  if (error) return;
  const file = new Blob([JSON.stringify(data, null, 2)], { type: "application/json" });
  const href = URL.createObjectURL(file);
  el("a", { href, download: "my-data.json" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
});
