using System.Text.Json.Serialization;

namespace Posthorn.Admin;

/// <param name="Name">In A-labels.</param>
/// <param name="DisplayName">The name for people, in U-labels.</param>
/// <param name="CatchAll">Where mail for undefined names goes; null refuses it.</param>
/// <param name="Administrator">Who reads postmaster@ and abuse@ unless they are defined; null for the first administrator.</param>
public sealed record DomainView(
    string Name,
    string DisplayName,
    bool PlusAddressing,
    string? CatchAll,
    string? Administrator,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DisabledAt);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewDomainBody(string Name);

/// <summary>What is left out stays as it is.</summary>
/// <param name="CatchAll">An address; the empty string takes it away.</param>
/// <param name="Administrator">The address of an account; the empty string takes it away.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DomainChangeBody(
    bool? PlusAddressing = null, string? CatchAll = null, string? Administrator = null, bool? Disabled = null);
