using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp;

/// <summary>DATA (RFC 5321 §4.1.1.4): the message goes through the intake, and 250 says that it is durable.</summary>
internal sealed record DataCommand : Command
{
    private static readonly DataCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectCommandEnd();
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (session.Mail!.Parameters.Body == BodyType.BinaryMime) return Replies.NeedsChunks;
        if (!await session.SayAsync(Replies.GoAhead)) return Reply.Gone;
        var settings = session.Server.Settings;
        return await session.AcceptAsync(new DataStream(session.Connection.Reader, settings.MessageOctetsMax, settings.TextLineOctetsMax), ct);
    }
}
