"""What a schema can't tell the fuzzer, which loads this for each caller (`.ci/schemathesis`)."""

import os

import schemathesis

CALLER = os.environ["PRIV_CALLER"]
NAMES_OF_USERS = ["user_id", "wallet_address", "anonymous_id"]

# Texts that only the service or a time zone database has. What is made up is refused, rightly.
OPAQUE = ["cursor", "timezone"]

# JSON that is called text, or stands in a form: any dialect takes it for an event.
EVENT = '{"type":"track","event":"Opened","userId":"user-1","distinct_id":"user-1"}'


@schemathesis.hook
def before_call(context, case, kwargs):
    # A person is who they are, and a key has a world of its own: what is said of that beside the
    # credential is not looked at, so it can't be wrong.
    if CALLER == "person":
        case.query = without(case.query, NAMES_OF_USERS)
    if CALLER.endswith("key"):
        case.headers = without(case.headers, ["X-Priv-Environment"])
    if case.meta and case.meta.generation.mode.is_positive:
        case.query = without(case.query, OPAQUE)
        name_one_user(case)
        write_event(case)


def name_one_user(case):
    """Of the three ways to name a user, in the query or the body, one must be taken."""
    takes_user = any(parameter.name == "user_id" for parameter in case.operation.query)
    if CALLER == "secret key" and takes_user:
        names = {name: case.query[name] for name in NAMES_OF_USERS if name in (case.query or {})}
        name, value = next(iter(names.items()), ("user_id", "user-1"))
        case.query = without(case.query, NAMES_OF_USERS) | {name: value}
        case.body = without(case.body, NAMES_OF_USERS)


def write_event(case):
    if case.media_type == "text/plain":
        case.body = EVENT
    elif case.media_type == "application/x-www-form-urlencoded":
        case.body = {"data": EVENT}


def without(members, names):
    """The same without these, and itself if it has none of them: what is assigned is checked anew."""
    if not isinstance(members, dict) and not hasattr(members, "items"):
        return members
    if not any(name in members for name in names):
        return members
    kept = {name: value for name, value in members.items() if name not in names}
    return type(members)(kept)
