"""Prints the structure that Python's email package sees in each message named on standard input, one JSON object a line."""
import email, email.policy, json, sys


def node(part):
    found = {"type": part.get_content_type(), "declared": "content-type" in part}
    found["encoding"] = str(part.get("content-transfer-encoding", "")).strip().lower()
    found["params"] = {}
    for name, value in (part.get_params(unquote=True, header="content-type") or [])[1:]:
        if isinstance(value, tuple):
            value = value[2]
        found["params"][name.lower()] = value
    payload = part._payload or ""  # as it stands there; get_payload() decodes 8-bit text
    if isinstance(payload, list):
        found["children"] = [node(child) for child in payload]
    else:
        found["size"] = len(payload.encode("ascii", "surrogateescape"))
    found["defects"] = [type(defect).__name__ for defect in part.defects]
    return found


for path in sys.stdin.read().splitlines():
    with open(path, "rb") as file:
        message = email.message_from_bytes(file.read(), policy=email.policy.compat32)
    print(json.dumps(node(message)), flush=True)
