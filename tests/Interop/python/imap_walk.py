"""imap_walk.py PORT USER PASSWORD: a walk through IMAP4rev1 with the standard library's client; any surprise is an AssertionError."""
import email
import email.message
import imaplib
import sys
import time

port, user, password = sys.argv[1:]
client = imaplib.IMAP4("127.0.0.1", int(port))


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def compose(subject, body="Hello"):
    message = email.message.EmailMessage()
    message["From"] = "someone@example.net"
    message["To"] = user
    message["Subject"] = subject
    message["Date"] = "Tue, 3 Mar 2026 10:00:00 +0100"
    message["Message-ID"] = f"<{subject.replace(' ', '.')}@example.net>"
    message.set_content(body)
    return message.as_bytes()


ok(client.starttls(ssl_context=__import__("ssl")._create_unverified_context()))
ok(client.login(user, password))
for capability in ("IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "SPECIAL-USE", "UNSELECT", "ENABLE"):
    assert capability in client.capabilities or capability in ok(client.capability())[0].decode(), capability

ok(client.create("Projects"))
ok(client.create("Projects/Nested"))
names = b"\n".join(ok(client.list())).decode()
assert "Projects/Nested" in names and "INBOX" in names, names
ok(client.subscribe("Projects"))
assert any(b"Projects" in line for line in ok(client.lsub()))
ok(client.rename("Projects/Nested", "Projects/Renamed"))
assert "Renamed" in b"\n".join(ok(client.list('""', "Projects/%"))).decode()

for subject in ("first letter", "second letter", "third letter"):
    ok(client.append("Projects", r"(\Flagged)", time.time(), compose(subject, f"Body of the {subject}")))
status = ok(client.status("Projects", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0].decode()
assert "MESSAGES 3" in status and "UNSEEN 3" in status, status

assert ok(client.select("Projects")) == [b"3"]
parts = ok(client.fetch("2", "(UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)"))[0].decode()
for expected in ("UID", r"\Flagged", "second letter", '"TEXT" "PLAIN"', "RFC822.SIZE"):
    assert expected.upper() in parts.upper(), (expected, parts)
text = email.message_from_bytes(ok(client.fetch("2", "(BODY[])"))[0][1])
assert text.get_payload().strip() == "Body of the second letter", text
assert b"second letter" in ok(client.fetch("2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1]
assert ok(client.fetch("2", "(BODY.PEEK[TEXT]<0.4>)"))[0][1] == b"Body"

assert ok(client.search(None, "SEEN")) == [b"2"]
assert ok(client.search(None, "SUBJECT", '"third"')) == [b"3"]
assert ok(client.search(None, "BODY", '"first letter"')) == [b"1"]
assert ok(client.search(None, "NOT", "SEEN", "SINCE", "1-Jan-2020")) == [b"1 3"]
assert ok(client.search(None, "OR", "SUBJECT", "first", "SUBJECT", "second")) == [b"1 2"]

assert ok(client.sort("(REVERSE SUBJECT)", "UTF-8", "ALL")) == [b"3 2 1"]
assert ok(client.thread("REFERENCES", "UTF-8", "ALL")) == [b"(1)(2)(3)"]
assert ok(client.uid("SORT", "(SIZE)", "UTF-8", "SUBJECT", '"third"')) == [b"3"]
assert client.uid("SEARCH", "RETURN", "(COUNT)", "YOUNGER", "600")[0] == "OK"
assert b"COUNT 3" in client.untagged_responses["ESEARCH"][0], client.untagged_responses

ok(client.store("1", "+FLAGS", r"(\Answered custom)"))
flags = ok(client.fetch("1", "(FLAGS)"))[0].decode()
assert r"\Answered" in flags and "custom" in flags, flags
ok(client.copy("1", "Projects/Renamed"))
ok(client.uid("MOVE", ok(client.uid("SEARCH", "SUBJECT", "third"))[0].decode(), "Projects/Renamed"))
assert client.response("EXPUNGE")[1] == [b"3"]
assert ok(client.search(None, "ALL")) == [b"1 2"]
ok(client.store("2", "+FLAGS.SILENT", r"(\Deleted)"))
assert ok(client.expunge()) == [b"2"]
ok(client.unselect())
assert ok(client.select("Projects/Renamed")) == [b"2"]
ok(client.close())

ok(client.delete("Projects/Renamed"))
ok(client.delete("Projects"))
assert client.select("Projects")[0] == "NO"
ok(client.noop())
assert client.logout()[0] == "BYE"
print("done")
