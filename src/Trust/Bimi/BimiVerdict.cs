namespace Posthorn.Trust;

/// <summary>What BIMI says of a message (draft-brand-indicators-for-message-identification §8).</summary>
/// <param name="Result">None when the domain has no indicator, or declines to have one shown.</param>
/// <param name="Domain">Where the assertion stands.</param>
/// <param name="Evidence">One line.</param>
public sealed record BimiVerdict(AuthResult Result, string Domain, string Selector, string Evidence)
{
    /// <summary>With <see cref="AuthResult.Pass"/>: the mark.</summary>
    public Indicator? Indicator { get; init; }
}

/// <summary>A mark that an authority has vouched for.</summary>
/// <param name="Id">SHA-256 of the image in 64 hexadecimal digits of lower case; it names the image in <see cref="Indicators"/>.</param>
/// <param name="Authority">Where its certificate came from.</param>
/// <param name="Organization">Whose mark it is, as the certificate says; empty when it does not.</param>
public sealed record Indicator(string Id, string Authority, string Organization);
