"""fill_mailbox.py PORT USER PASSWORD COUNT: appends as many small messages to INBOX, a hundred commands in one pipe."""
import socket
import sys

port, user, password, count = sys.argv[1:]
wire = socket.create_connection(("127.0.0.1", int(port)))
lines = wire.makefile("rb")


def read_to(tag):
    for line in lines:
        if line.startswith(tag + b" "):
            assert line.startswith(tag + b" OK"), line
            return
    raise AssertionError("the server has closed")


lines.readline()
wire.sendall(f'a LOGIN {user} "{password}"\r\n'.encode())
read_to(b"a")
for start in range(0, int(count), 100):
    pipe = b""
    for number in range(start, min(int(count), start + 100)):
        message = f"From: someone@example.net\r\nSubject: number {number}\r\nMessage-ID: <{number}@example.net>\r\n\r\n{number}\r\n".encode()
        pipe += f"t{number} APPEND INBOX {{{len(message)}+}}\r\n".encode() + message + b"\r\n"
    wire.sendall(pipe)
    read_to(f"t{min(int(count), start + 100) - 1}".encode())
wire.sendall(b"z LOGOUT\r\n")
read_to(b"z")
