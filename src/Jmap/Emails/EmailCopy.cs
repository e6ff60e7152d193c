namespace Posthorn.Jmap;

/// <summary>Email/copy (RFC 8621 §4.7). It goes between two accounts, and a person has one here.</summary>
internal static class EmailCopy
{
    public static ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only(
            "fromAccountId", "ifFromInState", "accountId", "ifInState", "create", "onSuccessDestroyOriginal", "destroyFromIfInState");
        var to = call.Account();
        if (AccountIds.Find(call.Scope.Identity, call.Arguments.Text("fromAccountId")) is not { } from)
        {
            throw new MethodErrorException("fromAccountNotFound");
        }
        // RFC 8620 §5.4: "The id of the account to copy records from … MUST be different to accountId".
        if (from == to) throw MethodErrorException.Invalid("fromAccountId", "it is the account that is copied to");
        throw new MethodErrorException("fromAccountNotFound");
    }
}
