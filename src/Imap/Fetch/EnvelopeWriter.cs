using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Imap;

/// <summary>ENVELOPE (RFC 9051 §7.5.2) from the stored form.</summary>
internal static class EnvelopeWriter
{
    public static void Write(ref WireWriter w, scoped EnvelopeView envelope)
    {
        w.Byte((byte)'(');
        w.NString(envelope.Date);
        w.Space();
        w.NString(envelope.Subject);
        Addresses(ref w, envelope.From);
        Addresses(ref w, envelope.Sender);
        Addresses(ref w, envelope.ReplyTo);
        Addresses(ref w, envelope.To);
        Addresses(ref w, envelope.Cc);
        Addresses(ref w, envelope.Bcc);
        w.Space();
        w.NString(envelope.InReplyTo);
        w.Space();
        w.NString(envelope.MessageId);
        w.Byte((byte)')');
    }

    private static void Addresses(ref WireWriter w, scoped AddressList list)
    {
        if (list.IsEmpty)
        {
            w.Raw(" NIL"u8);
            return;
        }
        w.Raw(" ("u8);
        foreach (var address in list)
        {
            w.Byte((byte)'(');
            w.NString(address.Name);
            w.Space();
            w.NString(address.Route);
            w.Space();
            w.NString(address.Mailbox);
            w.Space();
            w.NString(address.Host);
            w.Byte((byte)')');
        }
        w.Byte((byte)')');
    }
}
