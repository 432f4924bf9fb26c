"""Every problem type of the API: code, status, what it means, what to do. The pages under /problems/ are made from it."""

from typing import NamedTuple


class ProblemType(NamedTuple):
    """One problem type (RFC 9457). Its `type` URI is /problems/<code>."""

    code: str
    status: int
    title: str
    meaning: str
    remedy: str


_ROWS = (
    ProblemType("malformed_json", 400, "The body is not JSON", "The body could not be parsed as JSON (RFC 8259, UTF-8).", "Send one valid JSON document."),
    ProblemType("malformed_request", 400, "The request is malformed", "The request could not be read as HTTP.", "Check method, path, headers and transfer encoding."),
    ProblemType("idempotency_key_missing", 400, "Idempotency-Key is missing", "This request changes something and carries no Idempotency-Key header.", "Send an Idempotency-Key that is unique for each thing you want done, and the same one when you retry."),
    ProblemType("invalid_header", 400, "A header is not valid", "A request header does not have the form that is documented for it.", "Correct the header that `errors` names."),
    ProblemType("unauthenticated", 401, "No token", "The request carries no bearer token.", "Send `Authorization: Bearer <token>`."),
    ProblemType("invalid_token", 401, "The token is not accepted", "The bearer token is malformed, expired, not meant for this API or not signed by a known key.", "Get a new token from the issuer."),
    ProblemType("forbidden", 403, "Not allowed", "The token's roles do not allow this.", "Ask somebody who has one of the roles that `detail` names."),
    ProblemType("mfa_required", 403, "A second factor is required", "An approval in this environment, or at this gate, needs a token that was obtained with a second factor (claim `amr` or `acr`).", "Log in with a second factor and try again."),
    ProblemType("wrong_ticket", 403, "The ticket does not fit", "A report must bring back the ticket that was told with the attempt that it is about.", "Send the `attempt` and the `ticket` of one and the same message."),
    ProblemType("not_found", 404, "Not found", "There is no such thing, or it belongs to another tenant.", "Check the path and the id."),
    ProblemType("method_not_allowed", 405, "Method not allowed", "The path exists, but not with this method.", "Use one of the methods that the Allow header names."),
    ProblemType("command_refused", 409, "The command was refused", "The current state does not allow it; nothing changed. `code` says why.", "Read the state again and decide anew."),
    ProblemType("report_stale", 409, "The report comes too late", "The attempt has ended otherwise, or another one is under way; nothing changed.", "Drop this report; work that is still wanted was told again under a higher attempt."),
    ProblemType("not_known_yet", 409, "The time asked for is not known yet", "The read model does not know everything up to that time yet, so the answer could still change.", "Ask again later, or ask for the time or position that `detail` names."),
    ProblemType("version_conflict", 412, "The version has changed", "If-Match names another version than the current one.", "Read it again, look at what changed, and send the new ETag."),
    ProblemType("body_too_large", 413, "The body is too large", "The body is larger than 1 MiB (for bulk: one of its lines is).", "Send less at once."),
    ProblemType("unsupported_media_type", 415, "Unsupported media type", "The Content-Type or Content-Encoding is not one that this path takes.", "Send the media type that the OpenAPI document names, uncompressed."),
    ProblemType("expectation_failed", 417, "Expectation failed", "The Expect header asks for something other than 100-continue.", "Leave the header out."),
    ProblemType("invalid_request", 422, "The request is not valid", "One or more values are not valid; `errors` names every one.", "Correct them all, then send it again with the same Idempotency-Key."),
    ProblemType("key_reused", 422, "The Idempotency-Key was used before", "The same Idempotency-Key was used with another payload.", "Use a new key for a new wish."),
    ProblemType("rate_limited", 429, "Too many requests", "The tenant has used up its share of this route for the moment.", "Wait as long as Retry-After says."),
    ProblemType("too_many_streams", 429, "Too many event streams", "A token may hold five event streams at a time.", "Close one, or filter one stream instead of opening several."),
    ProblemType("internal_error", 500, "Internal error", "Something unforeseen happened; it is in the log under the trace id.", "Retry with the same Idempotency-Key; report the trace id if it happens again."),
    ProblemType("log_unavailable", 503, "The log does not answer", "Kafka did not confirm the command in time. Whether it was written is unknown.", "Retry with the same Idempotency-Key: it takes effect once."),
    ProblemType("read_model_unavailable", 503, "The read model does not answer", "PostgreSQL could not be asked.", "Retry as Retry-After says."),
    ProblemType("read_model_behind", 503, "The read model is behind", "It has not reached the position asked for within five seconds.", "Retry as Retry-After says."),
    ProblemType("validator_behind", 503, "Commands wait too long", "The oldest undecided command has waited for more than half of the time that commands are kept, so no more are taken.", "Retry later; the operator must bring the validator back."),
    ProblemType("shutting_down", 503, "Shutting down", "This instance is going away.", "Retry; another instance answers."),
)  # fmt: skip
PROBLEMS: dict[str, ProblemType] = {row.code: row for row in _ROWS}


def page(kind: ProblemType) -> str:
    """The page that the `type` URI leads to, in Markdown."""
    return f"# {kind.title}\n\n`{kind.code}`, HTTP status {kind.status}\n\n{kind.meaning}\n\n**What to do:** {kind.remedy}\n"
