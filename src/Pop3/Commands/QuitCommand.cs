using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>QUIT (RFC 1939 §4, §6): after log-in the UPDATE state, in which the maildrop changes, durably before +OK.</summary>
internal sealed record QuitCommand : Command
{
    private static readonly QuitCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override async ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        var goodbye = Reply.Ok("see you") with { Closes = true };
        if (session.State == SessionStates.Authorization) return goodbye;
        var maildrop = session.Maildrop;
        // A client that leaves behind its QUIT has said it: the update is not broken off.
        if (await UpdateAsync(session) is { } failure) return failure;
        Log.Left(session.Server.Log, session.Connection.SessionId, session.Identity.Login, maildrop.RetrievedCount, maildrop.DeletedCount);
        Meters.Left(maildrop.RetrievedCount, maildrop.DeletedCount);
        return goodbye;
    }

    // RFC 1939 §6: whatever becomes of the update, the connection ends.
    private static async ValueTask<Reply?> UpdateAsync(Pop3Session session)
    {
        try
        {
            return await session.Maildrop.UpdateAsync(CancellationToken.None) is { } refusal
                ? Replies.OfUpdate(refusal) with { Closes = true }
                : null;
        }
        catch (Exception error)
        {
            Log.CommandFailed(session.Server.Log, error, session.Connection.SessionId, "QUIT");
            return Replies.Unavailable with { Closes = true };
        }
    }
}
