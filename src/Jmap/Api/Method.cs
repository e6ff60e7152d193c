namespace Posthorn.Jmap;

/// <summary>A line of the table: a method, the capability it belongs to, and what it does.</summary>
internal sealed record Method(string Name, string Capability, Func<MethodCall, ValueTask> Run);

/// <summary>URIs of what this server can do (RFC 8620 §9.4).</summary>
internal static class Capabilities
{
    public const string Core = "urn:ietf:params:jmap:core";
    public const string Mail = "urn:ietf:params:jmap:mail";
}
