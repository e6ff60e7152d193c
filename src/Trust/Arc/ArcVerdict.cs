namespace Posthorn.Trust;

/// <summary>One link of a chain.</summary>
/// <param name="Results">What the sealer had found out: the payload of its ARC-Authentication-Results.</param>
public sealed record ArcSeal(int Instance, string Domain, string Selector, string Results);

/// <summary>What the chain of a message is worth (RFC 8617 §4.4): none, pass or fail.</summary>
/// <param name="Instances">The highest number of a set; 0 without a chain.</param>
/// <param name="Seals">In order; only of a chain that passes.</param>
/// <param name="Evidence">Why it fails; one line.</param>
public sealed record ArcVerdict(AuthResult Result, int Instances, IReadOnlyList<ArcSeal> Seals, string Evidence)
{
    public static readonly ArcVerdict None = new(AuthResult.None, 0, [], "");

    /// <summary>The chain says itself that it is broken: nobody continues it (RFC 8617 §5.1).</summary>
    public bool IsClosed { get; init; }
}
