"""send_lmtp.py PORT RECIPIENT RECIPIENT: a message over LMTP with the standard library's client, which reads one reply for each recipient."""
import smtplib
import sys

port, *recipients = sys.argv[1:]
with smtplib.LMTP("127.0.0.1", int(port)) as client:
    client.ehlo_or_helo_if_needed()
    client.mail("stranger@example.net")
    for recipient in recipients:
        code, words = client.rcpt(recipient)
        assert code == 250, words
    code, words = client.rcpt("somebody@example.org")
    assert code == 550, words
    client.putcmd("data")
    assert client.getreply()[0] == 354
    client.send(b"Subject: over LMTP\r\n\r\nWords\r\n.\r\n")
    for recipient in recipients:
        code, words = client.getreply()
        assert code == 250, words
    assert client.noop()[0] == 250
print("sent")
