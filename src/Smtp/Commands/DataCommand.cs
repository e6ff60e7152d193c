using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Wire;

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
        if (!await session.SayAsync(Replies.GoAhead)) return Reply.Gone;
        var message = new DataStream(session.Connection.Reader, session.Server.Settings.MessageOctetsMax);
        var reply = await AcceptAsync(session, message, ct);
        session.Mail = null;
        // Whatever the intake has left unread is still the message, never a command.
        return await message.DrainAsync() switch
        {
            ReadStatus.Ok => reply,
            ReadStatus.Endless => Replies.TooLarge with { Closes = true },
            var status => Replies.Of(status),
        };
    }

    private static async ValueTask<Reply> AcceptAsync(SmtpSession session, DataStream message, CancellationToken ct)
    {
        var mail = session.Mail!;
        try
        {
            var accepted = await session.Server.Intake.AcceptAsync(mail.ToEnvelope(), session.OriginOf(mail), message, ct);
            return accepted.TryGet(out var receipt) ? session.Accepted(receipt) : Replies.OfMessage(accepted.Refusal!);
        }
        catch (IOException) when (message.Status != ReadStatus.Ok)
        {
            return Replies.Of(message.Status); // nothing was taken
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return session.Failed(error, "DATA");
        }
    }
}
