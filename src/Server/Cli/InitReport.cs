using Posthorn.Admin;

namespace Posthorn.Server;

/// <summary>What init tells the operator: what is there now, what to publish, what to do next.</summary>
internal static class InitReport
{
    public static async Task WriteAsync(Installation wish, InstallationOutcome outcome, TextWriter output)
    {
        var config = outcome.Config;
        await output.WriteLineAsync($"""
            Posthorn is set up in {wish.Directory}.

              hostname       {config.Hostname.Unicode}
              domain         {wish.Domain.Unicode}
              administrator  {wish.Admin}
              password       {Password(wish, outcome)}
              config file    {wish.ConfigPath}{(outcome.FileWritten ? "" : " (kept as it was)")}
              certificate    {Certificate(config)}

            DNS records to publish ("posthorn domain dns {wish.Domain.Ascii}" shows and checks them):

            """);
        foreach (var record in DnsRecords.For(wish.Domain, Facts.Of(config), outcome.Keys))
        {
            await output.WriteLineAsync(record.Value is { } value
                ? "  " + DnsRecords.ToZoneLine(record.Name, record.Type, value)
                : $"  ; {record.Name}. {record.Type}: {record.Purpose}");
        }
        await output.WriteLineAsync($"""

            The reverse records of the addresses should lead back to {config.Hostname.Ascii}.

            Next: posthorn serve --config {wish.ConfigPath}
            """);
    }

    private static string Password(Installation wish, InstallationOutcome outcome) => outcome switch
    {
        { NewPassword: { } made } => $"{made}   (shown this once)",
        { AccountAdded: true } => "as you gave it",
        _ => $"unchanged (\"posthorn account password {wish.Admin}\" sets another while the server runs)",
    };

    private static string Certificate(ServerConfig config) => config.Certificate == CertificateSource.SelfSigned
        ? "self-signed: clients ask once whether to trust it"
        : config.CertificateFile!;
}
