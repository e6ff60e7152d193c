using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>
/// Tells people by mail what happened to their accounts: a new password, a second factor more or less. Through the intake, like any mail.
/// </summary>
/// <remarks>A crash between the delivery and the note that it is done tells it twice, which does no harm.</remarks>
internal sealed class AccountNotices(DeliverySettings settings, MailDirectory directory, Intake intake, TimeProvider time, ILogger log)
{
    private const int AtOnceMax = 100;

    public async Task RunAsync(CancellationToken ct)
    {
        foreach (var notice in await directory.News.ListAsync(AtOnceMax, ct))
        {
            var resolved = await directory.AddressBook.ResolveAsync(notice.Address, ct);
            if (!resolved.TryGet(out var targets)) continue; // disabled: perhaps not for long
            var now = time.GetUtcNow();
            using var message = new MemoryStream(Write(notice, settings.Hostname, Letter.NewName(now), now), writable: false);
            var envelope = new Envelope(ReversePath.Null, [new Recipient(notice.Address, targets)], Utf8: true);
            var taken = await intake.AcceptAsync(envelope, new Origin { IsOurs = true }, message, ct);
            if (taken.Ok) await directory.News.DoneAsync(notice.Id, ct);
            else Log.NoticeRefused(log, notice.Address, taken.Refusal!.Text);
        }
    }

    internal static byte[] Write(AccountNotice notice, Domain host, string id, DateTimeOffset now)
    {
        var what = What(notice);
        string[] lines =
        [
            $"Date: {InternetDate.Format(now)}",
            $"From: \"{host.Ascii}\" <postmaster@{notice.Address.Domain.Unicode}>",
            $"To: {notice.Address}",
            $"Message-ID: <notice.{id}@{host.Ascii}>",
            $"Subject: {Subject(notice.Event)}",
            "Auto-Submitted: auto-generated", // RFC 3834 §5
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            "Hello,",
            "",
            what,
            "",
            $"When: {notice.At.UtcDateTime.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)} UTC",
            "",
            "If that was you, or your administrator for you, there is nothing to do.",
            $"If not, look at https://{host.Ascii}/account/history and tell your administrator.",
            "This message holds no link that asks for your password.",
            "",
        ];
        return Encoding.UTF8.GetBytes(string.Join("\r\n", lines));
    }

    private static string Subject(AccountEvent what) => what switch
    {
        AccountEvent.PasswordChanged => "Your password was changed",
        AccountEvent.FactorAdded => "Your account has a new second factor",
        AccountEvent.FactorRemoved => "Your account has one second factor less",
        AccountEvent.FactorsReset => "All second factors of your account were removed",
        AccountEvent.RecoveryCodeUsed => "A recovery code of your account was used",
        AccountEvent.RecoveryCodesRenewed => "Your account has new recovery codes",
        AccountEvent.AppPasswordMade => "A new app password opens your account",
        AccountEvent.AppPasswordRefused => "An app password of your account was refused",
        _ => "Somebody may set your password",
    };

    private static string What(AccountNotice notice) => notice.Event switch
    {
        AccountEvent.PasswordChanged => $"the password of {notice.Address} was changed by {notice.Detail}.",
        AccountEvent.FactorAdded => $"{notice.Detail} was added to {notice.Address}: it can be used to log in.",
        AccountEvent.FactorRemoved => $"{notice.Detail} was removed from {notice.Address}.",
        AccountEvent.FactorsReset => $"{notice.Detail} removed every second factor of {notice.Address}: its password alone opens it now.",
        AccountEvent.RecoveryCodeUsed => $"a recovery code of {notice.Address} was used from {notice.Detail}. It opens nothing more.",
        AccountEvent.RecoveryCodesRenewed => $"new recovery codes were made for {notice.Address}. Earlier ones open nothing more.",
        AccountEvent.AppPasswordMade => $"an app password for {notice.Address} was made: {notice.Detail}.",
        AccountEvent.AppPasswordRefused => $"an app password of {notice.Address} was right and refused: {notice.Detail}. If it was not your device, "
            + "somebody knows it: revoke it at /account/devices.",
        _ => $"{notice.Detail} made a link with which the password of {notice.Address} can be set once.",
    };
}
