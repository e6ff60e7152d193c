"""pop3_walk.py PORT TLS_PORT USER PASSWORD: poplib's whole way through a maildrop of three messages."""
import poplib
import ssl
import sys

port, tls_port, user, password = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

client = poplib.POP3("127.0.0.1", int(port), timeout=20)
assert "STLS" in client.capa()
client.stls(context)
assert "STLS" not in client.capa()
client.utf8()
client.user(user)
client.pass_(password)
count, octets = client.stat()
assert count == 3, count
sizes = [int(line.split()[1]) for line in client.list()[1]]
assert sum(sizes) == octets
ids = dict(line.split() for line in client.uidl()[1])
assert len(set(ids.values())) == 3
reply, lines, _ = client.retr(2)
assert b"Subject: Number 2" in lines
assert sum(len(line) + 2 for line in lines) == sizes[1]
reply, lines, _ = client.top(3, 0)
assert b"Subject: Number 3" in lines and lines[-1] == b""
client.dele(2)
client.rset()
client.dele(1)
client.noop()
client.quit()

client = poplib.POP3_SSL("127.0.0.1", int(tls_port), timeout=20, context=context)
client.user(user)
client.pass_(password)
left = dict(line.split() for line in client.uidl()[1])
assert list(left.values()) == [ids[b"2"], ids[b"3"]], left
try:
    client.retr(3)
    raise AssertionError("a message that is not there was retrieved")
except poplib.error_proto as refused:
    assert b"-ERR" in refused.args[0]
client.quit()
print("done")
