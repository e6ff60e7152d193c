"""send_utf8.py PORT SENDER RECIPIENT: an internationalized message with the standard library's SMTP client."""
import email.message
import email.policy
import smtplib
import sys

port, sender, recipient = sys.argv[1:]
message = email.message.EmailMessage(policy=email.policy.SMTPUTF8)
message["From"] = f"Zoë <{sender}>"
message["To"] = recipient
message["Subject"] = "Grüße aus Köln"
message.set_content("Größe: 3 €", cte="8bit")
with smtplib.SMTP("127.0.0.1", int(port)) as client:
    client.ehlo("client.test")
    for extension in ("smtputf8", "8bitmime", "pipelining", "size", "enhancedstatuscodes", "starttls"):
        assert client.has_extn(extension), extension
    refused = client.send_message(message, sender, [recipient])  # adds SMTPUTF8 and BODY=8BITMIME by itself
    assert not refused, refused
print("sent")
