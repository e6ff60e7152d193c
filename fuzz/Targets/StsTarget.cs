using System.Text;
using Posthorn.Core;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>MTA-STS records and policies, records that ask for TLS reports.</summary>
/// <remarks>Oracles: an id is one; a policy that is written parses to the same; a pattern names the host that it spells, and no deeper one.</remarks>
internal sealed class StsTarget : Target
{
    public override string Name => "sts";

    public override IReadOnlyList<string> Words { get; } =
    [
        "v=STSv1", "v=STSv1; id=1;", "; ", "id=", "id=20160831085700Z", "x=y", "version: STSv1\n", "mode: enforce\n", "mode: testing\n",
        "mode: none\n", "mx: mail.a.test\n", "mx: *.b.test\n", "mx: ", "*.", "max_age: 86400\n", "max_age: 99999999999\n", "\r\n", "\n", ":", "\t",
        "v=TLSRPTv1; ", "rua=", "mailto:a@b.test", "https://b.test/v1", "!10m", "!5k", "%21", ",", "?x=y",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Trust/Tls/StsRecord.cs"), new("src/Trust/Tls/StsPolicy.cs"), new("src/Trust/Tls/TlsReportRecord.cs"),
        new("src/Trust/Reports/ReportUri.cs"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        if (StsRecord.TryParse(text, out var id))
        {
            Oracle.Holds(id.Length is > 0 and <= 32 && id.All(char.IsAsciiLetterOrDigit), "an id is letters and digits");
            Oracle.Holds(StsRecord.IdOf([$"v=STSv1; id={id};"]) == id, "an id that is written is read");
        }
        Oracle.Holds(StsRecord.IdOf([text, text]) is null, "two records are as good as none");
        _ = StsRecord.IdOf([text]);
        foreach (var uri in TlsReportRecord.DestinationsOf([text])) Check(uri);
        if (ReportUri.TryParse(text, out var one)) Check(one);
        if (!StsPolicy.TryParse(input.Span, out var policy, out var fault))
        {
            Oracle.Holds(fault.Length > 0, "a fault has a reason");
            return;
        }
        Oracle.Holds(policy.Mode == StsMode.None || policy.Hosts.Count > 0, "a policy names hosts");
        Oracle.Holds(StsPolicy.TryParse(Encoding.UTF8.GetBytes(policy.ToString()), out var again, out _), "a policy that is written parses");
        Oracle.Same(policy.ToString(), again!.ToString(), "a policy that is written parses to the same");
        foreach (var host in policy.Hosts)
        {
            var name = host.StartsWith("*.", StringComparison.Ordinal) ? "x" + host[1..] : host;
            Oracle.Holds(Domain.TryParse(name, out _) || name.Length > Domain.OctetsMax, "a host is a name");
            Oracle.Holds(policy.Names(name), "a pattern names what it spells");
            if (policy.Hosts.Count == 1) Oracle.Holds(!policy.Names("y." + name), "a pattern names nothing deeper");
        }
    }

    private static void Check(ReportUri uri)
    {
        Oracle.Holds((uri.Mail is null) != (uri.Https is null), "a destination is one of both");
        Oracle.Holds(uri.OctetsMax is null or >= 0, "a size is none or a number");
        if (uri.Mail is not { } mail) return;
        var written = "mailto:" + Uri.EscapeDataString(mail.ToString()) + (uri.OctetsMax is { } max && max % 1024 == 0 ? $"!{max / 1024}k" : "");
        if (uri.OctetsMax is { } size && (size % 1024 != 0 || size / 1024 > int.MaxValue)) return;
        Oracle.Holds(ReportUri.TryParse(written, out var again), "a destination that is written is read");
        Oracle.Same($"{mail} {uri.OctetsMax}", $"{again!.Mail} {again.OctetsMax}", "a destination that is written reads to the same");
    }
}
