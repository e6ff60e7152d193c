using Posthorn.Core;

namespace Posthorn.Mime;

/// <summary>One address of a field as it is written there.</summary>
/// <param name="Name">The display name, decoded; the group's for the start of a group.</param>
/// <param name="Host">The domain; empty where there is none.</param>
public sealed record WrittenAddress(string Name, string Mailbox, string Host, bool IsGroup);

/// <summary>Addresses of a field that stand in one group.</summary>
/// <param name="Name">Decoded; null outside of any group.</param>
public sealed record WrittenGroup(string? Name, List<WrittenAddress> Addresses);

/// <summary>Quick questions to a raw header, asked before a message is read as a whole.</summary>
public static class HeaderScan
{
    /// <summary>Hops so far (RFC 5321 §6.3): more than about a hundred is a loop.</summary>
    public static int CountReceived(ReadOnlySpan<byte> message)
    {
        var count = 0;
        foreach (var field in HeaderFields.Of(message))
        {
            if (field.Is("received"u8)) count++;
        }
        return count;
    }

    /// <summary>Whether this address has had the message before: a forwarding loop.</summary>
    public static bool WasDeliveredTo(ReadOnlySpan<byte> message, EmailAddress address)
    {
        var key = System.Text.Encoding.UTF8.GetBytes(address.ToString());
        foreach (var field in HeaderFields.Of(message))
        {
            if (field.Is("delivered-to"u8) && System.Text.Encoding.UTF8.GetString(HeaderValue.Trim(field.Value))
                .Equals(System.Text.Encoding.UTF8.GetString(key), StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>How many Received fields a host wrote: its name stands in their by clause (RFC 5321 §4.4).</summary>
    public static int CountReceivedBy(ReadOnlySpan<byte> message, string host)
    {
        var count = 0;
        var name = System.Text.Encoding.ASCII.GetBytes(host);
        foreach (var field in HeaderFields.Of(message))
        {
            if (field.Is("received"u8) && NamesBy(HeaderValue.Unfold(field.Value, MimeLimits.StructureValueOctetsMax), name)) count++;
        }
        return count;
    }

    /// <summary>The addresses of a field that can be mailed to, groups opened: From, Sender, To.</summary>
    /// <param name="message">A message, or its header.</param>
    /// <param name="name">The field's name.</param>
    public static List<EmailAddress> Mailboxes(ReadOnlySpan<byte> message, ReadOnlySpan<byte> name)
    {
        var found = new List<EmailAddress>();
        foreach (var field in HeaderFields.Of(message))
        {
            if (!field.Is(name)) continue;
            var list = new PackedWriter();
            AddressParser.Parse(HeaderValue.Unfold(field.Value, MimeLimits.HeaderFieldOctetsMax), list, MimeLimits.EnvelopeOctetsMax);
            foreach (var address in new AddressList(list.Written))
            {
                if (address.Host.Octets.IsEmpty) continue;
                if (Domain.TryParse(address.Host.ToString(), out var domain)
                    && EmailAddress.TryCreate(address.Mailbox.ToString(), domain, out var mailbox))
                {
                    found.Add(mailbox);
                }
            }
        }
        return found;
    }

    /// <summary>What the value of an address field says, groups and what is no address included.</summary>
    public static List<WrittenAddress> Written(ReadOnlySpan<byte> value)
    {
        var found = new List<WrittenAddress>();
        var list = new PackedWriter();
        AddressParser.Parse(HeaderValue.Unfold(value, MimeLimits.HeaderFieldOctetsMax), list, MimeLimits.EnvelopeOctetsMax);
        foreach (var address in new AddressList(list.Written))
        {
            if (address.IsGroupEnd) continue;
            var name = address.IsGroupStart ? address.Mailbox : address.Name;
            found.Add(new(HeaderText.DecodePhrase(name.Octets), address.Mailbox.ToString(), address.Host.ToString(), address.IsGroupStart));
        }
        return found;
    }

    /// <summary>
    /// What the value of an address field says, by its groups (RFC 5322 §3.4); addresses outside of any stand in groups without a name.
    /// </summary>
    public static List<WrittenGroup> Groups(ReadOnlySpan<byte> value)
    {
        var list = new PackedWriter();
        AddressParser.Parse(HeaderValue.Unfold(value, MimeLimits.HeaderFieldOctetsMax), list, MimeLimits.EnvelopeOctetsMax);
        return Groups(new AddressList(list.Written));
    }

    /// <summary>As the other, for a field of a stored envelope.</summary>
    public static List<WrittenGroup> Groups(AddressList addresses)
    {
        var groups = new List<WrittenGroup>();
        WrittenGroup? open = null;
        foreach (var address in addresses)
        {
            if (address.IsGroupStart)
            {
                groups.Add(open = new WrittenGroup(HeaderText.DecodePhrase(address.Mailbox.Octets), []));
            }
            else if (address.IsGroupEnd)
            {
                open = null;
            }
            else
            {
                if (open is null) groups.Add(open = new WrittenGroup(null, []));
                var name = address.Name.IsNil ? "" : HeaderText.DecodePhrase(address.Name.Octets).Trim();
                open.Addresses.Add(new WrittenAddress(name, address.Mailbox.ToString(), address.Host.ToString(), false));
            }
        }
        return groups;
    }

    /// <summary>How many fields have a name.</summary>
    public static int Count(ReadOnlySpan<byte> message, ReadOnlySpan<byte> name)
    {
        var count = 0;
        foreach (var field in HeaderFields.Of(message))
        {
            if (field.Is(name)) count++;
        }
        return count;
    }

    /// <summary>The raw value of the first field of a name.</summary>
    public static bool TryFind(ReadOnlySpan<byte> message, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (var field in HeaderFields.Of(message))
        {
            if (!field.Is(name)) continue;
            value = field.Value;
            return true;
        }
        value = default;
        return false;
    }

    private static bool NamesBy(ReadOnlySpan<byte> value, ReadOnlySpan<byte> host)
    {
        while (!value.IsEmpty)
        {
            value = HeaderValue.SkipSpace(value);
            var end = value.IndexOfAny(" \t;("u8);
            var word = end < 0 ? value : value[..end];
            value = end < 0 ? default : value[Math.Max(end, 1)..];
            if (!System.Text.Ascii.EqualsIgnoreCase(word, "by"u8)) continue;
            value = HeaderValue.SkipSpace(value);
            end = value.IndexOfAny(" \t;("u8);
            return System.Text.Ascii.EqualsIgnoreCase(end < 0 ? value : value[..end], host);
        }
        return false;
    }
}
