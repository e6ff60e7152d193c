namespace Posthorn.Jmap;

/// <summary>A method is answered with an error instead of its response (RFC 8620 §3.6.2). Caught once, where the method was called.</summary>
public sealed class MethodErrorException(string type, string? description = null) : Exception(description ?? type)
{
    /// <summary>As RFC 8620 §3.6.2 names it.</summary>
    public string Error { get; } = type;

    public string? Description { get; } = description;

    /// <param name="argument">The argument, or the path into it.</param>
    public static MethodErrorException Invalid(string argument, string why) => new("invalidArguments", $"{argument}: {why}");
}
