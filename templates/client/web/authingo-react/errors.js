export function failed(code, message, status = 0) {
    return { data: null, error: { code, message, status } };
}
/** Read an answer of authingo's; `key` is what its body has to hold to be one. */
export async function readAnswer(answer, key) {
    const body = parse(await answer.text());
    if (answer.ok && body?.[key] != null)
        return { data: body, error: null };
    if (answer.ok || typeof body?.["code"] !== "string") {
        return failed("bad_response", "The answer is not one of the authentication server.", answer.status);
    }
    const { code, message, fields, methods } = body;
    const error = { code, message, status: answer.status };
    if (fields)
        error.fields = fields;
    if (methods)
        error.methods = methods;
    const seconds = answer.headers.get("Retry-After") ?? "";
    if (/^\d+$/.test(seconds))
        error.retryAfter = Number(seconds);
    return { data: null, error };
}
/** The code of a 401 that still has to be handed on unread. */
export async function codeOf(answer) {
    return answer.status === 401 ? parse(await answer.clone().text())?.["code"] : undefined;
}
function parse(text) {
    try {
        return JSON.parse(text);
    }
    catch {
        return null;
    }
}
