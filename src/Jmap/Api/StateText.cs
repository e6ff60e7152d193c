using System.Globalization;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>
/// State strings (RFC 8620 §1.5): the epoch, the change number, and between actions how many objects were told. One counter numbers all types.
/// </summary>
internal static class StateText
{
    public static string Of(AccountState state) => Of(new ChangePosition(state.Epoch, state.ModSeq));

    public static string Of(ChangePosition position) => position.Skip == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{position.Epoch:x}-{position.ModSeq}")
        : string.Create(CultureInfo.InvariantCulture, $"{position.Epoch:x}-{position.ModSeq}-{position.Skip}");

    /// <summary>False for what this server has not written.</summary>
    public static bool TryParse(string text, out ChangePosition position)
    {
        position = default;
        var parts = text.Split('-');
        var skip = 0;
        if (parts.Length is not (2 or 3)
            || !long.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var epoch)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var modSeq)
            || (parts.Length == 3 && !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out skip)))
        {
            return false;
        }
        position = new ChangePosition(epoch, new ModSeq(modSeq), skip);
        return Of(position) == text;
    }

    /// <summary>The state that a client expects before a change; null when it expects none.</summary>
    /// <exception cref="MethodErrorException">It cannot be the one of now.</exception>
    public static AccountState? Expected(Arguments arguments)
    {
        if (arguments.OptionalText("ifInState") is not { } text) return null;
        if (!TryParse(text, out var position) || position.Skip != 0) throw new MethodErrorException("stateMismatch");
        return new AccountState(position.Epoch, position.ModSeq);
    }

    /// <summary>Where the account stands.</summary>
    public static async ValueTask<AccountState> NowAsync(MethodCall call, AccountId account) =>
        await call.Store.Changes.StateAsync(account, call.Cancellation) ?? throw new MethodErrorException("accountNotFound");
}
