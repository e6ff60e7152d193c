using System.Text.Json.Serialization;

namespace Posthorn.Admin;

public sealed record AliasView(string Address, IReadOnlyList<string> Targets, DateTimeOffset CreatedAt);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewAliasBody(string Address, IReadOnlyList<string> Targets);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AliasChangeBody(IReadOnlyList<string> Targets);
