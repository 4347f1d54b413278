import { client } from "./page.js";
import { onProof } from "./proof.js";

onProof((proof) => client.verifyEmail(proof), "verify_email.done");
