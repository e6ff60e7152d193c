using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Db.Tests;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Store;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>The databases that every test of the delivery runs on.</summary>
public static class Cluster
{
    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];
}

/// <summary>
/// A server without speakers: directory, store and delivery over either database, with a clock and a remote world of the test's own. It can end as a
/// killed process does, without a word to its delivery, and be opened again over the same data.
/// </summary>
internal sealed class DeliveryHost : IAsyncDisposable
{
    private readonly string _directory;
    private readonly string _url;
    private readonly string _name;
    private readonly bool _owner;
    private readonly List<MailDelivery> _dead = [];
    private Database? _searchDb;
    private Resolver? _resolver;
    private Vault? _vault;

    private DeliveryHost(string directory, string url, string name, bool owner, FakeTimeProvider clock) =>
        (_directory, _url, _name, _owner, Clock) = (directory, url, name, owner, clock);

    public static DateTimeOffset Start { get; } = new(2026, 11, 25, 10, 0, 0, TimeSpan.Zero);

    public static TimeSpan JourneyKept { get; } = TimeSpan.FromDays(30);

    public static Domain Example { get; } = Domain.Parse("example.test");

    public FakeTimeProvider Clock { get; }

    public DeliverySettings Settings { get; private set; } = new() { Hostname = Domain.Parse("mx.example.test"), Node = "one" };

    /// <summary>What other servers answer.</summary>
    public RemoteWorld World { get; } = new();

    public Database Db { get; private set; } = null!;

    public BlobStore Blobs { get; private set; } = null!;

    public MailStore Store { get; private set; } = null!;

    public MailDirectory Directory { get; private set; } = null!;

    public MailDelivery Delivery { get; private set; } = null!;

    /// <summary>Null unless the host was opened with a zone.</summary>
    public MailTrust? Trust { get; private set; }

    public SigningKeys? Keys { get; private set; }

    /// <summary>The master file that trust asks.</summary>
    private string? Zone { get; init; }

    /// <summary>Whose mail is delivered by the host's <see cref="SendAsync(string, string[], string, Identity?)"/>.</summary>
    public System.Net.IPAddress Client { get; set; } = System.Net.IPAddress.Parse("192.0.2.7");

    public Journey Journey { get; private set; } = null!;

    public Intake Intake => Delivery.Intake;

    public Queue Queue => Delivery.Queue;

    public static async Task<DeliveryHost> OpenAsync(DatabaseKind kind, Func<DeliverySettings, DeliverySettings>? with = null, string? zone = null)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("posthorn-delivery-").FullName;
        var url = kind == DatabaseKind.Sqlite ? "sqlite:" : (await PostgresCluster.Shared).Url;
        var host = new DeliveryHost(directory, url, PostgresCluster.NewName(), true, new FakeTimeProvider(Start)) { Zone = zone };
        if (with is not null) host.Settings = with(host.Settings);
        await host.OpenAsync();
        (await host.Directory.Domains.AddAsync(Authority.System, Example)).Require();
        return host;
    }

    /// <summary>Another node over the same PostgreSQL database, with the same clock.</summary>
    public async Task<DeliveryHost> JoinAsync(string node)
    {
        var host = new DeliveryHost(_directory, _url, _name, false, Clock) { Settings = Settings with { Node = node } };
        await host.OpenAsync();
        return host;
    }

    public static EmailAddress At(string address) =>
        EmailAddress.Parse(address.Contains('@', StringComparison.Ordinal) ? address : address + "@example.test");

    public async Task<Identity> AddAsync(
        string local, long? quotaBytes = null, long? quotaMessages = null, Role role = Role.User)
    {
        var account = (await Directory.Accounts.AddAsync(
            Authority.System, new NewAccount(At(local)) { QuotaBytes = quotaBytes, QuotaMessages = quotaMessages, Role = role })).Require();
        return new Identity(account.Id, account.Address, account.Role, local);
    }

    public async Task AliasAsync(string local, params string[] targets) =>
        (await Directory.Aliases.AddAsync(Authority.System, At(local), [.. targets.Select(At)])).Require();

    /// <summary>As a speaker does it: RCPT for each, then DATA.</summary>
    public async Task<Result<Receipt>> SendAsync(string from, string[] to, string message, Identity? submitter = null)
    {
        var recipients = new List<Recipient>();
        foreach (var address in to)
        {
            var agreed = await Intake.RecipientAsync(At(address), submitter);
            if (!agreed.TryGet(out var recipient)) return agreed.Refusal!;
            recipients.Add(recipient);
        }
        var path = from.Length == 0 ? ReversePath.Null : new ReversePath(At(from));
        var origin = new Origin { Helo = "client.example.net", Remote = Client, Submitter = submitter };
        return await Intake.AcceptAsync(new Envelope(path, recipients), origin, new MemoryStream(Encoding.UTF8.GetBytes(message)));
    }

    /// <summary>A submission with parameters; each recipient's ORCPT is its address with "@asked" behind it.</summary>
    public async Task SubmitAsync(Identity sender, MailParameters parameters, params (string To, DsnNotify Notify)[] to)
    {
        var recipients = new List<Recipient>();
        foreach (var (address, notify) in to)
        {
            var wanted = new RcptParameters { Notify = notify, OriginalRecipient = $"rfc822;{address}@asked" };
            recipients.Add((await Intake.RecipientAsync(At(address), sender)).Require() with { Parameters = wanted });
        }
        var envelope = new Envelope(new ReversePath(sender.Address), recipients) { Parameters = parameters };
        var text = $"From: {sender.Address}\r\nDate: Wed, 25 Nov 2026 09:59:00 +0000\r\nMessage-ID: <m@example.test>\r\nSubject: Plan\r\n\r\n"
            + "A line.\r\n";
        (await Intake.AcceptAsync(envelope, new Origin { Submitter = sender }, new MemoryStream(Encoding.UTF8.GetBytes(text)))).Require();
    }

    /// <summary>The messages of an INBOX, oldest first.</summary>
    public Task<List<string>> InboxAsync(Identity account) => ReadAsync(account, Mailbox.Inbox);

    public async Task<List<string>> JunkAsync(Identity account) =>
        await ReadAsync(account, (await Store.Mailboxes.ListAsync(account.Account)).Single(mailbox => mailbox.Role == MailboxRole.Junk).Id);

    private async Task<List<string>> ReadAsync(Identity account, MailboxId mailbox)
    {
        var texts = new List<string>();
        using var view = await Store.Mailboxes.OpenAsync(account.Account, mailbox);
        var snapshot = view!.Current;
        for (var i = 0; i < snapshot.Count; i++)
        {
            using var message = await Store.Emails.OpenMessageAsync(account.Account, snapshot[i].Email);
            texts.Add(Encoding.UTF8.GetString(await message!.ReadAllAsync()));
        }
        return texts;
    }

    public async Task<IReadOnlyList<QueueItem>> QueuedAsync() => await Queue.ListAsync(QueueFilter.All);

    /// <summary>Works the queue off as far as it is due now.</summary>
    public async Task WorkAsync()
    {
        await Delivery.Runner.RecoverAsync(CancellationToken.None);
        while (true)
        {
            await Delivery.Runner.StartDueAsync(CancellationToken.None);
            await Delivery.Runner.IdleAsync();
            var now = Clock.GetUtcNow();
            if (!(await QueuedAsync()).Any(item => item.NextAttempt <= now)) return;
        }
    }

    /// <summary>Starts what the scheduler would start now, and waits for it.</summary>
    public async Task StartDueAsync()
    {
        await Delivery.Runner.StartDueAsync(CancellationToken.None);
        await Delivery.Runner.IdleAsync();
        await Delivery.Runner.StartDueAsync(CancellationToken.None); // hears what has ended
        await Delivery.Runner.IdleAsync();
    }

    /// <summary>As if a destination had not been reached before this server started.</summary>
    public async Task CloseLaneAsync(string lane, DateTimeOffset until) =>
        await Db.WriteAsync(tx => LaneTable.Close(tx, new ClosedDestination(lane, 1, until, "nobody answers")));

    public Task WorkAfterAsync(TimeSpan time)
    {
        Clock.Advance(time);
        return WorkAsync();
    }

    /// <summary>Rows of the queue, and blobs that it still holds.</summary>
    public ValueTask<(long Entries, long Recipients, long Links)> RemainsAsync() => Db.ReadAsync(db => (
        db.Prepare("SELECT COUNT(*) FROM queue_entry").Scalar()!.Value,
        db.Prepare("SELECT COUNT(*) FROM queue_recipient").Scalar()!.Value,
        db.Prepare("SELECT COUNT(*) FROM blob_link WHERE account = 0").Scalar()!.Value));

    /// <summary>
    /// What a killed process leaves: nothing of the delivery is told to stop, and an attempt under way finds its database closed when it ends.
    /// </summary>
    public async Task CrashAsync()
    {
        _dead.Add(Delivery);
        await CloseAsync();
        await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var dead in _dead) await dead.DisposeAsync();
        await Delivery.DisposeAsync();
        await CloseAsync();
        if (_owner) System.IO.Directory.Delete(_directory, recursive: true);
    }

    private async Task OpenAsync()
    {
        var logs = NullLoggerFactory.Instance;
        var sqlite = _url == "sqlite:";
        var settings = new DatabaseSettings { Url = _url, Directory = _directory, Name = _name, ConnectionsMax = 6 };
        var kind = sqlite ? DatabaseKind.Sqlite : DatabaseKind.Postgres;
        Schema[] schemas =
        [
            .. MailStore.Schemas(kind), MailDirectory.Schema, MailDelivery.Schema, Vault.Schema, MailTrust.Schema, ReportBook.Schema, MailTls.Schema,
        ];
        Db = await Database.OpenAsync(settings, schemas, Clock, logs, default);
        Blobs = await BlobStore.OpenAsync(Db, sqlite ? "segments:" : "database:", Path.Combine(_directory, "blobs"), Clock, logs, default);
        if (sqlite)
        {
            _searchDb = await Database.OpenAsync(settings with { Name = "search", Durable = false }, [SearchIndex.Schema], Clock, logs, default);
        }
        Store = await MailStore.OpenAsync(Db, _searchDb, Blobs, Clock, logs, default);
        Directory = MailDirectory.Open(Db, new DirectorySettings { Sending = new SendingLimits(1_000_000, 1_000_000, 1_000_000) }, Clock, logs);
        Directory.Accounts.Provisioning.Add((tx, account) => Store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages));
        _vault = await Vault.OpenAsync(
            Db, Path.Combine(_directory, "keys", "root.key"), [.. MailTrust.SealedColumns, MailRoutes.Passwords], logs, default);
        Journey = await Journey.OpenAsync(settings, JourneyKept, Clock, logs, default);
        if (Zone is not null) await OpenTrustAsync(Zone);
        Delivery = MailDelivery.Open(
            Settings, Db, Blobs, Store, Directory, World.SendAsync, static () => default, Clock, NullLogger.Instance, Trust,
            vault: _vault, journey: Journey);
    }

    private async Task OpenTrustAsync(string zone)
    {
        var logs = NullLoggerFactory.Instance;
        var file = Path.Combine(_directory, "zone");
        await File.WriteAllTextAsync(file, zone);
        _resolver = Resolver.Open(new DnsSettings { ZoneFile = file }, Clock, logs);
        Keys = SigningKeys.Open(Db, _vault!, Clock, logs);
        Trust = await MailTrust.OpenAsync(
            new TrustSettings { Hostname = Settings.Hostname }, Db, _vault!, Keys, _resolver, Clock, logs, default);
    }

    private async Task CloseAsync()
    {
        await Store.DisposeAsync();
        Directory.Dispose();
        Trust?.Dispose();
        Keys?.Dispose();
        _vault?.Dispose();
        if (_resolver is not null) await _resolver.DisposeAsync();
        await Journey.DisposeAsync();
        await Blobs.DisposeAsync();
        if (_searchDb is not null) await _searchDb.DisposeAsync();
        await Db.DisposeAsync();
    }
}

/// <summary>One message as another server was offered it.</summary>
internal sealed record SentMessage(string Destination, string From, string[] To, string Text, OutboundMessage Message);

/// <summary>Other servers as a script: each recipient is delivered unless something else was asked for.</summary>
internal sealed class RemoteWorld
{
    private readonly ConcurrentQueue<SentMessage> _attempts = new();

    public IReadOnlyCollection<SentMessage> Attempts => _attempts;

    /// <summary>What becomes of a recipient.</summary>
    public Func<EmailAddress, OutboundResult> Answer { get; set; } = Deliver;

    /// <summary>Awaited before the answer.</summary>
    public Func<OutboundMessage, CancellationToken, Task> Before { get; set; } = static (_, _) => Task.CompletedTask;

    /// <summary>From now on nobody answers; attempts hang until they are broken off.</summary>
    /// <returns>Gets each attempt that has begun to hang.</returns>
    public ChannelReader<OutboundMessage> Hang()
    {
        var hanging = Channel.CreateUnbounded<OutboundMessage>();
        Before = async (message, ct) =>
        {
            await hanging.Writer.WriteAsync(message, ct);
            await Task.Delay(Timeout.Infinite, ct);
        };
        return hanging.Reader;
    }

    public void Resume() => Before = static (_, _) => Task.CompletedTask;

    public static OutboundResult Deliver(EmailAddress recipient) =>
        new(recipient, OutboundOutcome.Delivered, "2.0.0", "250 2.0.0 taken", "mx.remote.test");

    public static OutboundResult Defer(EmailAddress recipient) => new(recipient, OutboundOutcome.Deferred, "4.4.1", "nobody answers", null);

    public static OutboundResult Fail(EmailAddress recipient) =>
        new(recipient, OutboundOutcome.Failed, "5.1.1", "550 5.1.1 no such user", "mx.remote.test");

    public async Task<IReadOnlyList<OutboundResult>> SendAsync(OutboundMessage message, CancellationToken ct)
    {
        await Before(message, ct);
        await using var stream = await message.OpenAsync(ct);
        using var text = new StreamReader(stream, Encoding.Latin1);
        var sent = await text.ReadToEndAsync(ct);
        _attempts.Enqueue(new SentMessage(
            message.Destination.Ascii, message.From.ToString(), [.. message.Recipients.Select(r => r.ToString())], sent, message));
        return [.. message.Recipients.Select(Answer)];
    }
}
