using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Server;

/// <summary>What init did. What was there already stays as it was.</summary>
/// <param name="Config">As the file and the environment say now.</param>
/// <param name="NewPassword">The password that was made, to be shown once; null when one was given or the account was there.</param>
internal sealed record InstallationOutcome(ServerConfig Config, bool FileWritten, bool AccountAdded, string? NewPassword)
{
    /// <summary>The keys that sign for the domain.</summary>
    public IReadOnlyList<SigningKeyView> Keys { get; init; } = [];
}

/// <summary>The server that init is asked for.</summary>
/// <remarks>Each step is whole or not done, and asks first whether it has been done: it may be interrupted anywhere and repeated.</remarks>
internal sealed record Installation
{
    public required string Directory { get; init; }

    public required Domain Hostname { get; init; }

    public required Domain Domain { get; init; }

    public required EmailAddress Admin { get; init; }

    public int PortOffset { get; init; }

    /// <summary>Empty for every address of the machine.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>UTF-8; one is made when there is none.</summary>
    public byte[]? Password { get; init; }

    public string ConfigPath => Path.Combine(Directory, ConfigFile.Name);

    public async Task<InstallationOutcome> CompleteAsync(TimeProvider time, CancellationToken ct)
    {
        PrivateFile.MakeDirectory(Directory);
        var written = WriteConfig();
        var config = ConfigFile.Require(ConfigPath, Directory);
        await using var storage = await Storage.OpenAsync(config, time, NullLoggerFactory.Instance, ct);
        ServedCertificate.Open(config, time, NullLogger.Instance);
        var directory = storage.Directory;
        var domain = await directory.Domains.AddAsync(Authority.System, Domain, ct);
        if (domain.Refusal is { Kind: not RefusalKind.AlreadyExists }) domain.Require();
        await storage.Keys.EnsureAsync(Domain, ct);
        var (added, password) = await AddAdminAsync(directory.Accounts, ct);
        return new InstallationOutcome(config, written, added, password) { Keys = await storage.Keys.ListAsync(Domain, ct) };
    }

    /// <summary>One hundred random bits, in letters and digits that are not taken for each other.</summary>
    internal static string MakePassword() =>
        string.Join('-', Enumerable.Range(0, 5).Select(_ => RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz023456789", 4)));

    private async Task<(bool Added, string? Password)> AddAdminAsync(Accounts accounts, CancellationToken ct)
    {
        if (await accounts.FindAsync(Admin, ct) is { } known)
        {
            if (!known.IsActive) throw new CommandFailedException($"{Admin} is disabled or removed and cannot be the administrator");
            if (known.Role == Role.Admin) return (false, null);
            (await accounts.ChangeAsync(Authority.System, Admin, new AccountChange { Role = Role.Admin }, ct)).Require();
            return (false, null);
        }
        var made = Password is null ? MakePassword() : null;
        var account = new NewAccount(Admin) { Role = Role.Admin, Password = Password ?? Encoding.UTF8.GetBytes(made!) };
        (await accounts.AddAsync(Authority.System, account, ct)).Require();
        return (true, made);
    }

    private bool WriteConfig()
    {
        if (File.Exists(ConfigPath)) return false;
        PrivateFile.Write(ConfigPath, ConfigText());
        return true;
    }

    private string ConfigText()
    {
        var addresses = Addresses.Count > 0 ? Addresses : [IPAddress.Any, IPAddress.IPv6Any];
        var listen = string.Join(", ", addresses.Select(address => $"\"{address}\""));
        return $"""
            # What this machine is. Everything else (domains, accounts, aliases) is changed by "posthorn" while the server runs.
            # docs/operate/config.md lists every key; each can be overridden by the environment: [listen] port_offset is POSTHORN_LISTEN_PORT_OFFSET.
            version = {ConfigKeys.Version}
            hostname = "{Hostname.Ascii}"
            # data = "."    # the directory of this file

            [listen]
            address = [{listen}]
            port_offset = {PortOffset}

            [database]
            url = "sqlite:"

            [tls]
            certificate = "self-signed"    # or "files", with certificate_file and key_file

            """;
    }
}
