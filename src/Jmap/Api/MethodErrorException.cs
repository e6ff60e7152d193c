namespace Posthorn.Jmap;

/// <summary>A method is answered with an error instead of its response (RFC 8620 §3.6.2). Caught once, where the method was called.</summary>
internal sealed class MethodErrorException(string type, string? description = null) : Exception(description ?? type)
{
    public string Type { get; } = type;

    public string? Description { get; } = description;

    /// <param name="argument">The argument, or the path into it.</param>
    public static MethodErrorException Invalid(string argument, string why) => new("invalidArguments", $"{argument}: {why}");
}
