namespace Posthorn.Trust;

/// <summary>What one signature is worth.</summary>
/// <param name="Domain">Who signed (d); empty when the signature cannot be read.</param>
/// <param name="Identity">The i tag.</param>
/// <param name="Algorithm">As in the a tag.</param>
/// <param name="KeyBits">0 when there is no key.</param>
/// <param name="Tail">The first characters of b, which tell signatures of one domain apart (RFC 6008 §4).</param>
/// <param name="Evidence">Why; one line.</param>
public sealed record DkimVerdict(
    AuthResult Result, string Domain, string Selector, string Identity, string Algorithm, int KeyBits, string Tail, string Evidence)
{
    /// <summary>The domain only tries DKIM out.</summary>
    public bool IsTesting { get; init; }

    /// <summary>The names in h, in lower case.</summary>
    public IReadOnlyList<string> SignedFields { get; init; } = [];
}
