using System.Buffers;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>Names and values of annotations (RFC 5464 §3.2).</summary>
internal static class EntryName
{
    private static readonly SearchValues<byte> Allowed =
        SearchValues.Create([.. Enumerable.Range(0x20, 0x5F).Where(b => b is not ('*' or '%')).Select(b => (byte)b)]);

    /// <summary>entry, in lower case.</summary>
    public static bool Expect(ref GrammarReader r, out string name)
    {
        name = "";
        var mark = r;
        if (!r.ExpectAstring(ImapLimits.EntryNameOctetsMax, "entry name", out var octets)) return false;
        if (!octets.AsSpan().ContainsAnyExcept(Allowed)) name = Encoding.ASCII.GetString(octets).ToLowerInvariant();
        if (IsWellFormed(name)) return true;
        r.Restore(mark);
        return r.Missing("entry name below /private or /shared");
    }

    /// <summary>entries: one, or several in parentheses.</summary>
    public static bool ExpectSeveral(ref GrammarReader r, out List<string> names)
    {
        names = [];
        var several = r.TryByte((byte)'(');
        do
        {
            if (names.Count == ImapLimits.EntriesMax) return r.Missing($"at most {ImapLimits.EntriesMax} entries");
            if (!Expect(ref r, out var name)) return false;
            if (!names.Contains(name)) names.Add(name);
        }
        while (several && r.TrySpace());
        return !several || r.ExpectByte((byte)')', "\")\"");
    }

    /// <summary>METADATA with values (RFC 5464 §4.4.1).</summary>
    public static void WriteResponse(ref WireWriter w, string mailbox, bool utf8, IReadOnlyList<(string Name, byte[]? Value)> entries)
    {
        w.Raw("* METADATA "u8);
        w.Mailbox(mailbox, utf8);
        for (var i = 0; i < entries.Count; i++)
        {
            w.Raw(i == 0 ? " ("u8 : " "u8);
            w.Astring(Encoding.ASCII.GetBytes(entries[i].Name));
            w.Space();
            if (entries[i].Value is { } value) w.String8(value);
            else w.Nil();
        }
        w.Raw(")\r\n"u8);
    }

    /// <summary>METADATA that says which have changed (RFC 5464 §4.4.2).</summary>
    public static void WriteNames(ref WireWriter w, string mailbox, bool utf8, IReadOnlyList<string> names)
    {
        w.Raw("* METADATA "u8);
        w.Mailbox(mailbox, utf8);
        foreach (var name in names)
        {
            w.Space();
            w.Astring(Encoding.ASCII.GetBytes(name));
        }
        w.CrLf();
    }

    private static bool IsWellFormed(string name)
    {
        if (name.Contains("//", StringComparison.Ordinal) || name.EndsWith('/')) return false;
        var parts = name.Split('/'); // the first is empty: a name begins with a slash
        if (parts.Length < 3 || parts[0].Length > 0 || parts[1] is not ("private" or "shared")) return false;
        return parts[2] != "vendor" || parts.Length >= 5;
    }
}
