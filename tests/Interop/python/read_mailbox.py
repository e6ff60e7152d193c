"""read_mailbox.py PORT USER PASSWORD MAILBOX: every message of a mailbox, each followed by a NUL."""
import imaplib
import sys

port, user, password, mailbox = sys.argv[1:]
with imaplib.IMAP4("127.0.0.1", int(port)) as client:
    client.login(user, password)
    status, count = client.select(mailbox, readonly=True)
    assert status == "OK", count
    if int(count[0]):
        status, answers = client.fetch("1:*", "(BODY.PEEK[])")
        assert status == "OK", answers
        for answer in answers:
            if isinstance(answer, tuple):
                sys.stdout.buffer.write(answer[1] + b"\0")
