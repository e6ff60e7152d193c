"""jmap_walk.py HTTPS-PORT USER PASSWORD: reads the newest mail of the inbox, marks it, follows the changes, and destroys it."""
import base64, json, ssl, sys, urllib.request

port, user, password = sys.argv[1:4]
tls = ssl.create_default_context()
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE
basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"Authorization": basic, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=tls) as answer:
        return json.load(answer)


session = ask(f"https://127.0.0.1:{port}/.well-known/jmap")
account = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]


def call(method, **arguments):
    body = {"using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
            "methodCalls": [[method, {"accountId": account, **arguments}, "0"]]}
    name, answer, _ = ask(session["apiUrl"], json.dumps(body).encode())["methodResponses"][0]
    assert name == method, answer
    return answer


ids = call("Email/query", sort=[{"property": "receivedAt", "isAscending": False}], limit=1)["ids"]
got = call("Email/get", ids=ids, properties=["subject", "keywords"])
print(got["list"][0]["subject"])
assert got["list"][0]["keywords"] == {}
call("Email/set", ifInState=got["state"], update={ids[0]: {"keywords/$seen": True}})
changes = call("Email/changes", sinceState=got["state"])
assert changes["updated"] == ids and not changes["created"] and not changes["destroyed"], changes
assert call("Email/set", destroy=ids)["destroyed"] == ids
assert call("Email/changes", sinceState=changes["newState"])["destroyed"] == ids
print("done")
