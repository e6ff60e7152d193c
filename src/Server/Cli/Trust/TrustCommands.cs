using System.CommandLine;
using System.Net;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Trust;

namespace Posthorn.Server;

/// <summary>posthorn trust: verdicts and signatures from the command line, for postmasters and tests. It needs no server.</summary>
internal static class TrustCommands
{
    public static Command Make()
    {
        var options = new TrustOptions();
        var group = new Command("trust", "Verdicts and signatures of mail: SPF, DKIM, ARC, DMARC.");
        options.AddTo(group);
        group.Add(Spf(options));
        group.Add(Dkim(options));
        group.Add(Arc(options));
        group.Add(Dmarc(options));
        group.Add(Sign(options));
        group.Add(Seal(options));
        return group;
    }

    private static Command Spf(TrustOptions options)
    {
        var source = new SourceOptions(required: true);
        var command = new Command("spf", "Whether an address may send for a domain (RFC 7208).");
        source.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(parsed, async (call, verifier) =>
        {
            var (client, helo, from) = source.Read(parsed)!.Value;
            var spf = new SpfVerifier(call.Resolver, call.Hostname, TimeProvider.System);
            var verdict = await spf.MailFromAsync(client, helo, from, ct);
            call.Print(verdict.Result, json => VerdictJson.Spf(json, verdict), $"{verdict.Domain}: {verdict.Evidence}", verdict.Explanation);
        }));
        return command;
    }

    private static Command Dkim(TrustOptions options)
    {
        var command = new Command("dkim", "Verifies the DKIM signatures of the message on standard input (RFC 6376).");
        command.SetAction((parsed, ct) => options.RunAsync(parsed, async (call, verifier) =>
        {
            var verdicts = await CheckAsync(verifier, await call.MessageAsync(ct), null, ct);
            var result = verdicts.Dkim.Any(static one => one.Result == AuthResult.Pass) ? AuthResult.Pass
                : verdicts.Dkim.Count == 0 ? AuthResult.None : verdicts.Dkim[0].Result;
            call.Print(
                result, json => VerdictJson.Dkim(json, verdicts.Dkim),
                [.. verdicts.Dkim.Select(static d =>
                    $"{d.Result.Keyword()} {d.Selector}._domainkey.{d.Domain} {d.Algorithm} {d.KeyBits} bits {d.Evidence}")]);
        }));
        return command;
    }

    private static Command Arc(TrustOptions options)
    {
        var command = new Command("arc", "Validates the ARC chain of the message on standard input (RFC 8617).");
        command.SetAction((parsed, ct) => options.RunAsync(parsed, async (call, verifier) =>
        {
            var arc = (await CheckAsync(verifier, await call.MessageAsync(ct), null, ct)).Arc!;
            call.Print(
                arc.Result, json => VerdictJson.Arc(json, arc),
                [.. arc.Seals.Select(static s => $"{s.Instance} {s.Domain}"), arc.Evidence]);
        }));
        return command;
    }

    private static Command Dmarc(TrustOptions options)
    {
        var source = new SourceOptions(required: false);
        var command = new Command("dmarc",
            "Asks for the policy of the author of the message on standard input (RFC 9989); SPF counts when --ip is given.");
        source.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(parsed, async (call, verifier) =>
        {
            var from = source.Read(parsed) is var (client, helo, path) ? new MailSource(client, helo, path) : null;
            var verdicts = await CheckAsync(verifier, await call.MessageAsync(ct), from, ct);
            var dmarc = verdicts.Dmarc!;
            call.Print(dmarc.Result, json => VerdictJson.Dmarc(json, dmarc), $"{dmarc.Domain}: {dmarc.Evidence}",
                $"policy {VerdictJson.Word(dmarc.Policy)}");
        }));
        return command;
    }

    private static Command Sign(TrustOptions options)
    {
        var key = new KeyOptions();
        var command = new Command("sign", "Prints the message on standard input with a DKIM signature.");
        key.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(parsed, async (call, _) =>
        {
            using var signer = await key.ReadAsync(parsed, ct);
            var message = await call.MessageAsync(ct);
            call.PrintMessage(MailSigning.Sign(message, [signer], TimeProvider.System.GetUtcNow()), message);
        }));
        return command;
    }

    private static Command Seal(TrustOptions options)
    {
        var key = new KeyOptions();
        var source = new SourceOptions(required: false);
        var command = new Command("seal", "Prints the message on standard input with an ARC set, which says what was found out of it.");
        key.AddTo(command);
        source.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(parsed, async (call, verifier) =>
        {
            using var signer = await key.ReadAsync(parsed, ct);
            var message = await call.MessageAsync(ct);
            var from = source.Read(parsed) is var (client, helo, path) ? new MailSource(client, helo, path) : null;
            using var check = verifier.Begin(message, from, ct);
            check.ExpectSeal();
            check.Append(message.AsSpan(HeaderFields.Of(message).Length));
            var verdicts = await check.FinishAsync();
            call.PrintMessage(check.Seal(verdicts, call.Hostname, signer), message);
        }));
        return command;
    }

    private static async Task<MailVerdicts> CheckAsync(MailVerifier verifier, byte[] message, MailSource? source, CancellationToken ct)
    {
        using var check = verifier.Begin(message, source, ct);
        check.Append(message.AsSpan(HeaderFields.Of(message).Length));
        return await check.FinishAsync();
    }
}

/// <summary>Who sent it: <c>--ip</c>, <c>--helo</c>, <c>--from</c>.</summary>
internal sealed class SourceOptions(bool required)
{
    private readonly Option<string?> _ip = new("--ip") { Description = "The address of the client.", HelpName = "ADDRESS", Required = required };
    private readonly Option<string?> _helo = new("--helo") { Description = "What the client calls itself.", HelpName = "NAME" };
    private readonly Option<string?> _from = new("--from") { Description = "The reverse-path; empty for the null path.", HelpName = "ADDRESS" };

    public void AddTo(Command command)
    {
        command.Add(_ip);
        command.Add(_helo);
        command.Add(_from);
    }

    /// <exception cref="UsageException">The address is none.</exception>
    public (IPAddress Client, string Helo, string From)? Read(ParseResult parsed)
    {
        if (parsed.GetValue(_ip) is not { } text) return null;
        if (!IPAddress.TryParse(text, out var client)) throw new UsageException($"'{text}' is no IP address");
        return (client.Unmapped(), parsed.GetValue(_helo) ?? "", parsed.GetValue(_from) ?? "");
    }
}

/// <summary>Which key signs: <c>--key-file</c>, <c>--domain</c>, <c>--selector</c>.</summary>
internal sealed class KeyOptions
{
    private readonly Option<string> _file = new("--key-file")
    {
        Description = "The private key in PEM, RSA or Ed25519.",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _domain = new("--domain") { Description = "Whose key it is.", HelpName = "DOMAIN", Required = true };

    private readonly Option<string> _selector = new("--selector") { Description = "Where the key is published.", HelpName = "NAME", Required = true };

    public void AddTo(Command command)
    {
        command.Add(_file);
        command.Add(_domain);
        command.Add(_selector);
    }

    /// <exception cref="CommandFailedException">The file cannot be read, or is no key.</exception>
    public async Task<SigningKey> ReadAsync(ParseResult parsed, CancellationToken ct)
    {
        var file = parsed.GetValue(_file)!;
        if (!Domain.TryParse(parsed.GetValue(_domain), out var domain)) throw new UsageException($"'{parsed.GetValue(_domain)}' is no domain");
        try
        {
            return SigningKey.TryRead(domain.Ascii, parsed.GetValue(_selector)!, await File.ReadAllTextAsync(file, ct), out var key, out var reason)
                ? key : throw new CommandFailedException($"{file}: {reason}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"the key cannot be read: {e.Message}", e);
        }
    }
}
