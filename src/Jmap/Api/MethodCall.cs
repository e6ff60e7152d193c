using System.Text.Json;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>One request of one person: what its method calls share.</summary>
internal sealed class RequestScope(JmapParts parts, Identity identity, CancellationToken ct)
{
    public JmapParts Parts { get; } = parts;

    public MailStore Store => Parts.Store;

    public Identity Identity { get; } = identity;

    public CancellationToken Cancellation { get; } = ct;

    /// <summary>Creation id to id, of this request's calls and of what the client brought (RFC 8620 §3.3).</summary>
    public Dictionary<string, string> CreatedIds { get; } = new(StringComparer.Ordinal);

    public ILogger Log => Parts.Log;
}

/// <summary>A method call under way. What it answers it writes to <see cref="Json"/>, one object.</summary>
internal sealed class MethodCall(RequestScope scope, Arguments arguments, string callId, Utf8JsonWriter json)
{
    public RequestScope Scope { get; } = scope;

    public MailStore Store => Scope.Store;

    public Arguments Arguments { get; } = arguments;

    public string CallId { get; } = callId;

    public Utf8JsonWriter Json { get; } = json;

    public CancellationToken Cancellation => Scope.Cancellation;

    /// <summary>Calls that follow from this one and are answered under its id (RFC 8620 §5.4): run when it is done.</summary>
    public List<(string Method, Arguments Arguments)> FollowUps { get; } = [];

    /// <summary>The account that the call names, when this person may use it.</summary>
    public AccountId Account(string argument = "accountId")
    {
        var id = Arguments.Text(argument);
        return AccountIds.Find(Scope.Identity, id) ?? throw new MethodErrorException("accountNotFound");
    }

    /// <summary>An id, or what a creation id of this request stands for; null when there is no such thing.</summary>
    public string? Resolve(string id) =>
        !id.StartsWith('#') ? id : Scope.CreatedIds.GetValueOrDefault(id[1..]);

    public void WriteAccount(AccountId account) => Json.WriteString("accountId"u8, AccountIds.Of(account));
}

/// <summary>How accounts are named: a letter and the number.</summary>
internal static class AccountIds
{
    public static string Of(AccountId account) => "A" + account;

    /// <summary>The accounts that a person may use: the own one.</summary>
    public static AccountId? Find(Identity identity, string id) => id == Of(identity.Account) ? identity.Account : null;
}
