import { client, onSubmit, text } from "../page.js";
import { withRecent } from "../recent.js";

const { dataset } = document.documentElement;

onSubmit("deletion-form", async ({ email }) => {
  const { user } = client.getState();
  if (email.trim().toLowerCase() !== user?.email) {
    const fields = { email: text("panel_deletion.not_the_address") };
    return { data: null, error: { code: "invalid_input", message: "", fields } };
  }
  dataset.farewell = "deleted"; // what the sign-in page says, to which the sign-out leads
  const result = await withRecent(() => client.deleteUser());
  if (!result.data) delete dataset.farewell;
  return result;
});
