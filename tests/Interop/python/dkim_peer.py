"""dkimpy as a peer: reads a message from standard input.

dkim_peer.py verify ZONE                          prints one line a DKIM signature: True or False
dkim_peer.py arc ZONE                             prints the state of the chain: pass, fail or none
dkim_peer.py sign KEY SELECTOR DOMAIN ALGORITHM C prints the signed message; C is for example relaxed/simple
dkim_peer.py seal KEY SELECTOR DOMAIN SERVID      prints the sealed message

ZONE holds a name and a TXT record a line.
"""
import sys

import dkim


def records(path):
    with open(path, encoding="ascii") as lines:
        return dict(line.rstrip("\n").split(" ", 1) for line in lines)


def lookup(zone):
    def find(name, timeout=5):
        if isinstance(name, bytes):
            name = name.decode("ascii")
        text = zone.get(name.rstrip("."))
        return text.encode("ascii") if text is not None else None

    return find


def private(path, algorithm):
    if algorithm == "ed25519-sha256":
        import base64

        from subprocess import run

        der = run(["openssl", "pkey", "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout
        return base64.b64encode(der[-32:])
    with open(path, "rb") as key:
        return key.read()


def main(mode, *rest):
    message = sys.stdin.buffer.read()
    out = sys.stdout.buffer
    if mode == "verify":
        find = lookup(records(rest[0]))
        count = sum(1 for name, _ in dkim.rfc822_parse(message)[0] if name.lower() == b"dkim-signature")
        for index in range(count):
            print(dkim.DKIM(message).verify(idx=index, dnsfunc=find))
    elif mode == "arc":
        state, _, reason = dkim.arc_verify(message, dnsfunc=lookup(records(rest[0])))
        print(state.decode("ascii"), reason)
    elif mode == "sign":
        key, selector, domain, algorithm, canonicalization = rest
        field = dkim.sign(
            message, selector.encode(), domain.encode(), private(key, algorithm),
            canonicalize=tuple(part.encode() for part in canonicalization.split("/")), signature_algorithm=algorithm.encode())
        out.write(field + message)
    else:
        key, selector, domain, servid = rest
        fields = dkim.arc_sign(message, selector.encode(), domain.encode(), private(key, "rsa-sha256"), servid.encode())
        out.write(b"".join(fields) + message)


main(*sys.argv[1:])
