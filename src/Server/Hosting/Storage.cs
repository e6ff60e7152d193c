using Microsoft.Extensions.Logging;
using Posthorn.Db;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Store;
using Posthorn.Trust;

namespace Posthorn.Server;

/// <summary>What lies in the data directory, opened by one process at a time: databases, blobs, mail and directory, put together.</summary>
internal sealed class Storage : IAsyncDisposable
{
    /// <summary>In the order of opening.</summary>
    private readonly Stack<IAsyncDisposable> _opened = new();

    private Storage()
    {
    }

    public Database Db { get; private set; } = null!;

    public BlobStore Blobs { get; private set; } = null!;

    public MailStore Store { get; private set; } = null!;

    public MailDirectory Directory { get; private set; } = null!;

    public Vault Vault { get; private set; } = null!;

    public SigningKeys Keys { get; private set; } = null!;

    /// <summary>Null when no traces are kept.</summary>
    public Journey? Journey { get; private set; }

    /// <exception cref="DatabaseUnavailableException">In use, damaged, of a newer release, or not reachable.</exception>
    /// <exception cref="VaultLockedException">A root key is missing.</exception>
    /// <exception cref="CommandFailedException">Another process serves this directory.</exception>
    public static async Task<Storage> OpenAsync(ServerConfig config, TimeProvider time, ILoggerFactory logs, CancellationToken ct)
    {
        var storage = new Storage();
        try
        {
            await storage.OpenAllAsync(config, time, logs, ct);
            return storage;
        }
        catch
        {
            await storage.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Directory is not null)
        {
            await Directory.History.WriteAsync(CancellationToken.None);
            Directory.Dispose();
        }
        Keys?.Dispose();
        Vault?.Dispose();
        while (_opened.TryPop(out var part)) await part.DisposeAsync();
    }

    private async Task OpenAllAsync(ServerConfig config, TimeProvider time, ILoggerFactory logs, CancellationToken ct)
    {
        PrivateFile.MakeDirectory(config.Data);
        Opened(DirectoryLock.Take(config.Data));
        DatabaseSettings.TryKind(config.DatabaseUrl, out var kind);
        var settings = new DatabaseSettings { Url = config.DatabaseUrl, Directory = config.Data };
        IReadOnlyList<Schema> schemas =
        [
            .. MailStore.Schemas(kind), MailDirectory.Schema, MailDelivery.Schema, Vault.Schema, MailTrust.Schema, ReportBook.Schema, MailTls.Schema,
        ];
        Db = Opened(await Database.OpenAsync(settings, schemas, time, logs, ct));
        var blobs = config.BlobsUrl.Length > 0 ? config.BlobsUrl : kind == DatabaseKind.Sqlite ? "segments:" : "database:";
        Blobs = Opened(await BlobStore.OpenAsync(Db, blobs, Path.Combine(config.Data, "blobs"), time, logs, ct));
        var search = kind == DatabaseKind.Sqlite
            ? Opened(await Database.OpenAsync(settings with { Name = "search", Durable = false }, [SearchIndex.Schema], time, logs, ct))
            : null;
        Store = Opened(await MailStore.OpenAsync(Db, search, Blobs, time, logs, ct));
        var rootKeys = config.KeysFile ?? Path.Combine(config.Data, "keys", "root.key");
        Vault = await Vault.OpenAsync(Db, rootKeys, [.. MailTrust.SealedColumns, MailRoutes.Passwords, .. MailDirectory.SealedColumns], logs, ct);
        Keys = SigningKeys.Open(Db, Vault, time, logs);
        Directory = MailDirectory.Open(Db, DirectorySettingsOf(config), time, logs, Vault);
        if (config.JourneyDays > 0) Journey = Opened(await Journey.OpenAsync(settings, TimeSpan.FromDays(config.JourneyDays), time, logs, ct));
        Connect();
    }

    // An account is there with its mailboxes or not at all; it goes with its mail.
    private void Connect()
    {
        Directory.Accounts.Provisioning.Add((tx, account) =>
        {
            if (account.HasMailbox) Store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages);
        });
        Directory.Accounts.QuotaChanged.Add((tx, account, quota) => Store.SetQuota(tx, account, quota.Bytes, quota.Messages));
        Directory.Accounts.Purging.Add(Store.RemoveAccountAsync);
    }

    private T Opened<T>(T part) where T : IAsyncDisposable
    {
        _opened.Push(part);
        return part;
    }

    private static DirectorySettings DirectorySettingsOf(ServerConfig config) => new()
    {
        Sending = new SendingLimits(config.SentMessagesMax, config.SentRecipientsMax, config.SentFirstTimeMax),
        BreachedPasswords = config.BreachedPasswords,
        AllowPlaintextOnLoopback = config.AllowPlaintextOnLoopback,
        ThrottleLoopback = config.LimitLoopback,
    };
}
