using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>The room's own door: a refusal thrown inside an action leaves it as a value.</summary>
internal static class Refused
{
    public static async ValueTask<Result<T>> TryWriteAsync<T>(this Database db, Func<Transaction, T> action, CancellationToken ct)
    {
        try
        {
            return await db.WriteAsync(action, ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }

    public static RefusalException NotFound(string text) => new(new Refusal(RefusalKind.NotFound, text));

    public static RefusalException Invalid(string text) => new(new Refusal(RefusalKind.Invalid, text));

    public static RefusalException Conflict(string text) => new(new Refusal(RefusalKind.Conflict, text));
}
