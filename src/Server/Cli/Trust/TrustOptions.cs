using System.CommandLine;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Dns;
using Posthorn.Trust;

namespace Posthorn.Server;

/// <summary>What every command of <c>posthorn trust</c> takes: whom to ask, how to print.</summary>
internal sealed class TrustOptions
{
    private readonly Option<string?> _dns = new("--dns")
    {
        Description = "The one resolver to ask; otherwise those of /etc/resolv.conf.",
        HelpName = "HOST:PORT",
        Recursive = true,
    };

    private readonly Option<string?> _zone = new("--zone-file")
    {
        Description = "Answers every question from this RFC 1035 master file instead.",
        HelpName = "FILE",
        Recursive = true,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print JSON.", Recursive = true };

    public void AddTo(Command group)
    {
        group.Add(_dns);
        group.Add(_zone);
        group.Add(_json);
    }

    public async Task<int> RunAsync(ParseResult parsed, Func<TrustCall, MailVerifier, Task> run)
    {
        var server = parsed.GetValue(_dns) is { } text ? Server(text) : null;
        await using var resolver = Open(new DnsSettings { Server = server, ZoneFile = parsed.GetValue(_zone) });
        var call = new TrustCall(parsed.InvocationConfiguration.Output, parsed.GetValue(_json), resolver);
        await run(call, new MailVerifier(resolver, call.Hostname, TimeProvider.System));
        return ExitStatus.Done;
    }

    private static Resolver Open(DnsSettings settings)
    {
        try
        {
            return Resolver.Open(settings, TimeProvider.System, NullLoggerFactory.Instance);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new CommandFailedException($"the zone file cannot be used: {e.Message}", e);
        }
    }

    private static IPEndPoint Server(string text)
    {
        if (!IPEndPoint.TryParse(text, out var server)) throw new UsageException($"'{text}' is no address of a resolver, such as 127.0.0.1:5353");
        if (server.Port == 0) server.Port = 53;
        return server;
    }
}

/// <summary>One command line on its way.</summary>
internal sealed class TrustCall(TextWriter output, bool json, Resolver resolver)
{
    private const int MessageOctetsMax = 256 * 1024 * 1024;

    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public Resolver Resolver => resolver;

    /// <summary>The name that verdicts are written under.</summary>
    public string Hostname { get; } = Core.Domain.TryParse(System.Net.Dns.GetHostName(), out var name) ? name.Ascii : "localhost";

    /// <summary>Standard input, with the line ends that a message has on the wire: files end their lines otherwise.</summary>
    /// <exception cref="CommandFailedException">It is too long.</exception>
    public async Task<byte[]> MessageAsync(CancellationToken ct)
    {
        await using var input = Console.OpenStandardInput();
        var raw = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await input.ReadAsync(buffer, ct) is > 0 and var read)
        {
            if (raw.Length + read > MessageOctetsMax) throw new CommandFailedException($"a message has at most {MessageOctetsMax} octets");
            raw.Write(buffer.AsSpan(0, read));
        }
        return Wire(raw.GetBuffer().AsSpan(0, (int)raw.Length));
    }

    /// <summary>The result first, then a line for each thing to tell.</summary>
    public void Print(AuthResult result, Action<Utf8JsonWriter> members, params IEnumerable<string?> lines)
    {
        if (json)
        {
            using var stream = new MemoryStream();
            using (var writer = new Utf8JsonWriter(stream, Indented))
            {
                writer.WriteStartObject();
                writer.WriteString("result", result.Keyword());
                members(writer);
                writer.WriteEndObject();
            }
            output.WriteLine(Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length));
            return;
        }
        output.WriteLine(result.Keyword());
        foreach (var line in lines)
        {
            if (!string.IsNullOrWhiteSpace(line)) output.WriteLine("  " + Text.Printable(line.Trim()));
        }
    }

    /// <summary>The message with fields before it; with --json the fields alone.</summary>
    public void PrintMessage(byte[] fields, byte[] message)
    {
        if (json)
        {
            Print(AuthResult.Pass, writer => writer.WriteString("fields", Encoding.UTF8.GetString(fields)));
            return;
        }
        using var raw = Console.OpenStandardOutput();
        raw.Write(fields);
        raw.Write(message);
    }

    private static byte[] Wire(ReadOnlySpan<byte> text)
    {
        var wire = new MemoryStream(text.Length + text.Length / 32);
        var previous = (byte)0;
        foreach (var octet in text)
        {
            if (octet == '\n' && previous != '\r') wire.WriteByte((byte)'\r');
            wire.WriteByte(octet);
            previous = octet;
        }
        return wire.ToArray();
    }
}

/// <summary>The verdicts as JSON.</summary>
internal static class VerdictJson
{
    public static void Spf(Utf8JsonWriter json, SpfVerdict verdict)
    {
        json.WriteString("domain", verdict.Domain);
        json.WriteString("explanation", verdict.Explanation);
        json.WriteString("identity", verdict.Identity == SpfIdentity.Helo ? "helo" : "mailfrom");
        json.WriteString("evidence", verdict.Evidence);
    }

    public static void Dkim(Utf8JsonWriter json, IReadOnlyList<DkimVerdict> verdicts)
    {
        json.WriteStartArray("signatures");
        foreach (var verdict in verdicts)
        {
            json.WriteStartObject();
            json.WriteString("result", verdict.Result.Keyword());
            json.WriteString("domain", verdict.Domain);
            json.WriteString("selector", verdict.Selector);
            json.WriteString("identity", verdict.Identity);
            json.WriteString("algorithm", verdict.Algorithm);
            json.WriteNumber("keyBits", verdict.KeyBits);
            json.WriteString("evidence", verdict.Evidence);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static void Arc(Utf8JsonWriter json, ArcVerdict verdict)
    {
        json.WriteNumber("instances", verdict.Instances);
        json.WriteString("evidence", verdict.Evidence);
        json.WriteStartArray("seals");
        foreach (var seal in verdict.Seals)
        {
            json.WriteStartObject();
            json.WriteNumber("instance", seal.Instance);
            json.WriteString("domain", seal.Domain);
            json.WriteString("selector", seal.Selector);
            json.WriteString("results", seal.Results);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static void Dmarc(Utf8JsonWriter json, DmarcVerdict verdict)
    {
        json.WriteString("domain", verdict.Domain);
        json.WriteString("policy", Word(verdict.Policy));
        json.WriteString("policyDomain", verdict.PolicyDomain);
        json.WriteString("organization", verdict.Organization);
        json.WriteBoolean("dkimAligned", verdict.DkimAligned);
        json.WriteBoolean("spfAligned", verdict.SpfAligned);
        json.WriteString("evidence", verdict.Evidence);
    }

    public static string Word(DmarcPolicy policy) => policy.ToString().ToLowerInvariant();
}
