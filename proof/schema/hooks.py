"""What Schemathesis cannot read from an OpenAPI document, so that it is no failure."""

from urllib.parse import parse_qsl, urlsplit

import schemathesis

# Refusals that depend on what came before, by their problem's type: a cursor that
# no list gave out, a key or id that names an earlier request with another meaning,
# an ETag that the stock has no more.
HISTORY = {"bad_cursor", "mismatch", "stale"}

# Refusals by how their messages end. A key beside another order_id and a new SKU
# without a price are of two places together. And JSON Schema takes 1.0 for an
# integer: Holdfast refuses a fraction, even of nothing, since who sends one computes
# in floating point.
ENDINGS = (
    "must equal body.order_id when both are given",
    " is new and needs a price",
    "must be a whole number, written without fraction or exponent",
)

# The longest that a request may wait for its order to end.
PATIENCE = "100ms"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops a refusal of what the document allows, or a yes to what it forbids, for such a reason."""
    kind = type(failure).__name__
    if kind == "AcceptedNegativeData":
        return not has_empty_parameter(response.request.url)
    return kind != "RejectedPositiveData" or not is_refusal_of_the_rest(response.json())


def has_empty_parameter(url):
    """An empty parameter is none, which the document says by allowEmptyValue."""
    return any(value == "" for _, value in parse_qsl(urlsplit(url).query, keep_blank_values=True))


def is_refusal_of_the_rest(problem):
    return problem["type"].rpartition(":")[2] in HISTORY or any(
        e["message"].endswith(ENDINGS) for e in problem.get("errors", [])
    )


@schemathesis.hook
def before_call(context, case, kwargs):
    """Shortens the waits, of which each is allowed a minute."""
    wait = (case.query or {}).get("wait")
    if isinstance(wait, str) and wait.endswith("s") and wait[:-1].isdigit():
        case.query["wait"] = PATIENCE
