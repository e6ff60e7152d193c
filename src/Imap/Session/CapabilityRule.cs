namespace Posthorn.Imap;

/// <summary>A capability that is kept from a client that trips on it, from one account, or from everybody.</summary>
/// <param name="Client">How the name begins that the client gives in ID (RFC 2971 §3.1); null for any client.</param>
/// <param name="Account">The address it logs in to; null for any account.</param>
public sealed record CapabilityRule(string Capability, string? Client, string? Account)
{
    /// <summary><c>QRESYNC</c>, <c>QRESYNC client=Outlook</c>, <c>UIDONLY account=ann@example.org</c>, or both.</summary>
    public static bool TryParse(string text, out CapabilityRule rule)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        rule = new CapabilityRule(words.Length > 0 ? words[0] : "", null, null);
        if (!Capabilities.CanBeOff(rule.Capability)) return false;
        foreach (var word in words.AsSpan(1))
        {
            if (word.StartsWith("client=", StringComparison.Ordinal) && word.Length > 7) rule = rule with { Client = word[7..] };
            else if (word.StartsWith("account=", StringComparison.Ordinal) && word.Length > 8) rule = rule with { Account = word[8..] };
            else return false;
        }
        return true;
    }

    internal bool Applies(ImapSession session) =>
        (Client is null || session.Client.StartsWith(Client, StringComparison.OrdinalIgnoreCase))
        && (Account is null || string.Equals(Account, session.Identity?.Address.ToString(), StringComparison.OrdinalIgnoreCase));
}
