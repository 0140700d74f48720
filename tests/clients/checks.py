"""A check of our own for Schemathesis: what fits the schema is never refused for its form."""

import schemathesis

# Codes of a wrong member that come from the check against the schema. Not `required`: a member may have to be there since
# another one is.
FORMS = {
    "unknown_member", "unknown_value", "too_long", "too_short", "too_small", "too_large", "too_many",
    "too_few", "wrong_type", "invalid",
}


@schemathesis.check
def honest_refusals(context, response, case):
    generated = case.meta.generation.mode if case.meta else None
    if response.status_code != 400 or generated is None or generated.value != "positive":
        return
    problem = response.json()
    wrong = [one for one in problem.get("errors", []) if one["code"] in FORMS]
    if problem["code"] in ("MALFORMED_BODY", "UNKNOWN_PARAMETER") or wrong:
        raise AssertionError(f"the document allows it, the server does not: {problem['detail']}")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A head that holds control characters is no HTTP (RFC 9110, section 5.5). It is refused before there is an operation, so
    without a body and without the headers of one."""
    heads = [head if isinstance(head, str) else head.decode("latin-1") for head in response.request.headers.values()]
    is_http = all(letter == "\t" or letter.isprintable() or letter > "\x7f" for head in heads for letter in head)
    return is_http or response.status_code != 400 or bool(response.content)
