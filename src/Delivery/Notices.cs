using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>
/// Mail of the server to its own people about their devices: one was given a password, or a right password was used where it may not be. A device
/// that tries all day is told of once a day. A notice that is lost with the process is not repeated: the log-in history has it too.
/// </summary>
internal sealed class Notices(DeliverySettings settings, MailDirectory directory, Intake intake, TimeProvider time, ILogger log)
{
    private const int WaitingMax = 200;
    private const int RememberedMax = 10_000;

    private readonly Channel<DeviceNotice> _waiting =
        Channel.CreateBounded<DeviceNotice>(new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Lock _gate = new();
    private readonly HashSet<string> _told = [];
    private DateOnly _day;

    /// <summary>Never waits.</summary>
    public void Offer(DeviceNotice notice)
    {
        if (notice.Refusal is not null && !IsNew(notice)) return;
        _waiting.Writer.TryWrite(notice);
    }

    /// <summary>Sends them as they come, until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (await _waiting.Reader.WaitToReadAsync(ct)) await SendWaitingAsync(ct);
    }

    /// <summary>Sends those that wait. One that cannot be sent is let go.</summary>
    internal async Task SendWaitingAsync(CancellationToken ct)
    {
        while (_waiting.Reader.TryRead(out var notice))
        {
            try
            {
                if (await SendAsync(notice, ct) is { } why) Log.NoticeNotSent(log, notice.Owner, why);
            }
            catch (Exception failure) when (!ct.IsCancellationRequested)
            {
                Log.NoticeFailed(log, failure, notice.Owner);
            }
        }
    }

    private bool IsNew(DeviceNotice notice)
    {
        lock (_gate)
        {
            var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
            if (day != _day || _told.Count >= RememberedMax) _told.Clear();
            _day = day;
            return _told.Add($"{notice.Owner.Key} {notice.Refusal} {notice.Label}");
        }
    }

    private async Task<string?> SendAsync(DeviceNotice notice, CancellationToken ct)
    {
        var resolved = await directory.AddressBook.ResolveAsync(notice.Owner, ct);
        if (!resolved.TryGet(out var targets)) return resolved.Refusal!.Text;
        using var message = new MemoryStream(Write(notice, Letter.NewName(time.GetUtcNow())), writable: false);
        // With the null path: nobody reports on it.
        var envelope = new Envelope(ReversePath.Null, [new Recipient(notice.Owner, targets)]) { Utf8 = !Ascii.IsValid(notice.Owner.ToString()) };
        return (await intake.AcceptAsync(envelope, new Origin { IsOurs = true }, message, ct)).Refusal?.Text;
    }

    private byte[] Write(DeviceNotice notice, string id)
    {
        var page = settings.PublicAddress is { } address ? new Uri(address, "/account/devices").AbsoluteUri : "the page of your devices";
        var where = notice.Remote is { } remote ? remote.ToString() : "this server itself";
        var at = notice.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
        var (subject, text) = notice.Refusal is not { } refusal
            ? ($"New app password: {notice.Label}", new[]
            {
                $"An app password for \"{notice.Label}\" was made for your account {notice.Owner}.",
                $"Made by {notice.By}, {at}.", "", "If you know of it, there is nothing to do. If not, revoke it and change your password:", page,
            })
            : ($"App password refused: {notice.Label}", new[]
            {
                $"The app password of \"{notice.Label}\" for your account {notice.Owner} was used, and {Why(refusal)}.",
                $"It came over {notice.Protocol} from {where}, {at}.", "",
                "If it was your device, give it another app password. If not, somebody knows this one: revoke it.", page,
            });
        string[] lines =
        [
            $"Date: {InternetDate.Format(time.GetUtcNow())}",
            $"From: {settings.Hostname.Ascii} <postmaster@{notice.Owner.Domain.Ascii}>",
            $"To: {notice.Owner}",
            $"Message-ID: <notice.{id}@{settings.Hostname.Ascii}>",
            $"Subject: {Encoded(subject)}",
            "Auto-Submitted: auto-generated", // RFC 3834 §5
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            .. text,
            "",
        ];
        return Encoding.UTF8.GetBytes(string.Join("\r\n", lines));
    }

    private static string Why(DeviceRefusal refusal) => refusal switch
    {
        DeviceRefusal.Revoked => "it had been revoked",
        DeviceRefusal.Expired => "it had expired",
        DeviceRefusal.WrongScope => "it may not be used for this protocol",
        DeviceRefusal.WrongNetwork => "it may not be used from this network",
        _ => "your domain takes no passwords from mail programs",
    };

    // RFC 2047 §4.1. A label has at most 60 characters, so one word would do but for its length of 75: it is cut into several.
    private static string Encoded(string text) => Ascii.IsValid(text) ? text : string.Join(
        "\r\n ", text.EnumerateRunes().Chunk(10).Select(static runes =>
            $"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Concat(runes.Select(static rune => rune.ToString()))))}?="));
}
