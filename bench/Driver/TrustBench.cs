using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Posthorn.Dns;
using Posthorn.Mime;
using Posthorn.Trust;

namespace Posthorn.Bench;

/// <summary>
/// What it costs the processor to check a message (SPF, two DKIM signatures, a chain, DMARC; every answer of the name system is at hand) and to sign
/// one, beside what OpenSSL says that raw RSA signatures take. On one thread, in this process.
/// </summary>
internal static partial class TrustBench
{
    private const int MessageOctets = 10 * 1024;

    public static async Task MeasureAsync(Results results, Options options)
    {
        using var rsa = SigningKey.Make("example.org", "r1", SigningAlgorithm.RsaSha256);
        using var ed25519 = SigningKey.Make("example.org", "e1", SigningAlgorithm.Ed25519Sha256);
        await using var resolver = new Answers(rsa, ed25519);
        var verifier = new MailVerifier(resolver, "mx.example.net", TimeProvider.System);
        var plain = Message();
        byte[] signed = [.. MailSigning.Sign(plain, [rsa, ed25519], DateTimeOffset.UtcNow), .. plain];
        signed = [.. await SealAsync(verifier, signed, rsa), .. signed];
        var source = new MailSource(IPAddress.Parse("192.0.2.1"), "mail.example.org", "ann@example.org");
        for (var pair = 0; pair <= options.Pairs; pair++)
        {
            var verify = await PerSecondAsync(options.LoadTime, async () => await VerifyAsync(verifier, signed, source));
            var before = OpenSsl(); // close to what it is compared with, since the machine has better and worse moments
            var sign = await PerSecondAsync(options.LoadTime, () =>
            {
                MailSigning.Sign(plain, [rsa, ed25519], DateTimeOffset.UtcNow);
                return Task.CompletedTask;
            });
            var raw = (before + OpenSsl()) / 2;
            if (pair == 0) continue; // warms up
            results.Write(new Figure("trust_verify", "posthorn", pair).Add("per_cpu_s", verify));
            results.Write(new Figure("trust_sign", "posthorn", pair).Add("us_each", 1e6 / sign));
            results.Write(new Figure("trust_sign", "openssl", pair).Add("us_each", 1e6 / raw));
            results.Write(new Figure("trust_sign_ratio", "posthorn", pair).Add("times_raw_rsa", raw / sign));
        }
    }

    private static async Task VerifyAsync(MailVerifier verifier, byte[] message, MailSource source)
    {
        using var check = verifier.Begin(message, source);
        check.Append(message.AsSpan(HeaderFields.Of(message).Length));
        var verdicts = await check.FinishAsync();
        if (verdicts.Dmarc!.Result != AuthResult.Pass || verdicts.Arc!.Result != AuthResult.Pass || verdicts.Dkim.Count != 2)
            throw new InvalidOperationException("the message does not verify");
    }

    private static async Task<byte[]> SealAsync(MailVerifier verifier, byte[] message, SigningKey key)
    {
        using var check = verifier.Begin(message, null);
        check.ExpectSeal();
        check.Append(message.AsSpan(HeaderFields.Of(message).Length));
        return check.Seal(await check.FinishAsync(), "lists.example.net", key);
    }

    // Per second of the processor, user and system, of the whole process.
    private static async Task<double> PerSecondAsync(TimeSpan time, Func<Task> act)
    {
        var (count, process) = (0, Process.GetCurrentProcess());
        var before = process.TotalProcessorTime;
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time; count++) await act();
        process.Refresh();
        return count / (process.TotalProcessorTime - before).TotalSeconds;
    }

    private static byte[] Message()
    {
        var text =
            new StringBuilder("Received: from mail.example.org by mx.example.net; Wed, 25 Nov 2026 10:00:00 +0000\r\nFrom: Ann <ann@example.org>\r\n"
            + "To: Bob <bob@example.net>\r\nSubject: The quarterly figures\r\n"
            + "Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
            + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        while (text.Length < MessageOctets) text.Append("The quick brown fox jumps over the lazy dog, and the dog does not mind at all.\r\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    // The last column of "rsa 2048 bits  0.0007s 0.00002s  1428.6  50000.0" is verifications, the one before signatures a second.
    private static double OpenSsl()
    {
        using var process = Process.Start(new ProcessStartInfo("openssl", ["speed", "-seconds", "1", "rsa2048"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return double.Parse(Rsa().Match(said).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"rsa\s+2048 bits\s+\S+\s+\S+\s+(\S+)\s+\S+")]
    private static partial Regex Rsa();

    /// <summary>Every answer at hand: the name system is not what is measured.</summary>
    private sealed class Answers(SigningKey rsa, SigningKey ed25519) : Resolver
    {
        private static readonly DnsAnswer<IPAddress> Address = new(DnsStatus.Ok, [IPAddress.Parse("192.0.2.1")], TimeSpan.FromHours(1));

        private readonly Dictionary<string, DnsAnswer<string>> _texts = new(StringComparer.Ordinal)
        {
            ["example.org"] = Text("v=spf1 ip4:192.0.2.0/24 -all"),
            ["mail.example.org"] = Text("v=spf1 ip4:192.0.2.0/24 -all"),
            ["_dmarc.example.org"] = Text("v=DMARC1; p=reject"),
            [$"{rsa.Selector}._domainkey.{rsa.Domain}"] = Text(rsa.Record),
            [$"{ed25519.Selector}._domainkey.{ed25519.Domain}"] = Text(ed25519.Record),
        };

        public override ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken ct = default) => new(None<MxRecord>());

        public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default) => new(Address);

        public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, AddressFamily family, CancellationToken ct = default) =>
            new(Address);

        public override ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default) =>
            new(_texts.TryGetValue(name, out var answer) ? answer : None<string>());

        public override ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken ct = default) => new(None<SrvRecord>());

        public override ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default) => new(Text("mail.example.org"));

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static DnsAnswer<string> Text(string text) => new(DnsStatus.Ok, [text], TimeSpan.FromHours(1));

        private static DnsAnswer<T> None<T>() => new(DnsStatus.NxDomain, [], TimeSpan.FromHours(1));
    }
}
