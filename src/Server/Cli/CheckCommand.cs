using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Dns;

namespace Posthorn.Server;

/// <summary>posthorn check: reads the config file as serve would, and the files that it names.</summary>
internal static class CheckCommand
{
    public static Command Make()
    {
        var config = LocalOptions.Config();
        var data = LocalOptions.Data();
        var command = new Command("check", "Checks the config file and the files it names: what is wrong where, and what would be right.")
        {
            config, data,
        };
        command.SetAction(async (parsed, _) =>
        {
            var path = LocalOptions.ConfigPath(parsed, config, data);
            var result = ConfigFile.Load(path, parsed.GetValue(data));
            var faults = result.Config is { } read ? await FilesAsync(read, path) : result.Faults;
            if (faults.Count > 0) throw new ConfigFaultsException(faults);
            await parsed.InvocationConfiguration.Output.WriteLineAsync($"{path}: no faults");
            return ExitStatus.Done;
        });
        return command;
    }

    private static async Task<IReadOnlyList<ConfigFault>> FilesAsync(ServerConfig config, string path)
    {
        var faults = new List<ConfigFault>();
        var resolver = default(Resolver);
        if (!System.IO.Directory.Exists(config.Data))
            faults.Add(new ConfigFault(path, $"the data directory {config.Data} does not exist", "\"posthorn init\" makes it"));
        Try("a certificate and its key in PEM", () =>
        {
            if (config.Certificate == CertificateSource.Files) ServedCertificate.Open(config, TimeProvider.System, NullLogger.Instance);
        });
        Try("a file whose first line is the password", () => Outbound.RelayOf(config));
        Try("a master file (RFC 1035 §5)", () => resolver = Outbound.OpenResolver(config, TimeProvider.System, NullLoggerFactory.Instance));
        if (resolver is not null) await resolver.DisposeAsync();
        return faults;

        void Try(string right, Action read)
        {
            try
            {
                read();
            }
            catch (CommandFailedException e)
            {
                faults.Add(new ConfigFault(path, e.Message, $"name {right}"));
            }
        }
    }
}
