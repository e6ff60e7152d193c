using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Store;

namespace Posthorn.Jmap.Tests;

/// <summary>The real room on Kestrel over a real store in a directory of its own.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public const string User = "ann@example.test";
    public const string Other = "bob@example.test";
    public const string Password = "correct horse";

    private readonly string _folder;
    private readonly Database _db;
    private readonly Database _searchDb;
    private readonly BlobStore _blobs;
    private readonly MailDirectory _directory;
    private readonly WebApplication _app;
    private readonly HttpClientHandler _handler = new();

    private TestServer(
        string folder, Database db, Database searchDb, BlobStore blobs, MailDirectory directory, MailStore store, WebApplication app,
            AccountId account,
        AccountId other)
    {
        (_folder, _db, _searchDb, _blobs, _directory, Store, _app, Account, OtherAccount) =
            (folder, db, searchDb, blobs, directory, store, app, account, other);
        Origin = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public MailStore Store { get; }

    public MailDirectory Directory => _directory;

    public Database Db => _db;

    public AccountId Account { get; }

    public AccountId OtherAccount { get; }

    public Uri Origin { get; }

    public static async Task<TestServer> StartAsync()
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("jmap-").FullName;
        var time = TimeProvider.System;
        var logs = NullLoggerFactory.Instance;
        var files = new DatabaseSettings { Directory = folder, Durable = false };
        var db = await Database.OpenAsync(files, [BlobStore.Schema, MailDirectory.Schema, MailStore.Schema], time, logs, default);
        var searchDb = await Database.OpenAsync(files with { Name = "search" }, [SearchIndex.Schema], time, logs, default);
        var blobs = await BlobStore.OpenAsync(db, "segments:", Path.Combine(folder, "blobs"), time, logs, default);
        var store = await MailStore.OpenAsync(db, searchDb, blobs, time, logs, default);
        var directory = MailDirectory.Open(
            db, new DirectorySettings { AllowPlaintextOnLoopback = true, PasswordCost = new Argon2Cost(1024, 1) }, time, logs);
        directory.Accounts.Provisioning.Add((tx, account) => store.CreateAccount(tx, account.Id, account.QuotaBytes, account.QuotaMessages));
        directory.Accounts.QuotaChanged.Add((tx, account, quota) => store.SetQuota(tx, account, quota.Bytes, quota.Messages));
        (await directory.Domains.AddAsync(Authority.System, Domain.Parse("example.test"))).Require();
        var ids = new List<AccountId>();
        foreach (var user in (string[])[User, Other])
        {
            var added = new NewAccount(EmailAddress.Parse(user)) { Password = Encoding.UTF8.GetBytes(Password) };
            ids.Add((await directory.Accounts.AddAsync(Authority.System, added)).Require().Id);
        }
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = folder });
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        JmapHost.Map(app, new JmapParts
        {
            Store = store,
            Directory = directory,
            IsUnavailable = failure => failure is DatabaseUnavailableException,
            Time = time,
            Log = NullLogger.Instance,
            Hostname = "mail.example.test",
        });
        await app.StartAsync();
        return new TestServer(folder, db, searchDb, blobs, directory, store, app, ids[0], ids[1]);
    }

    public HttpClient Http(string? user = User, string password = Password)
    {
        var client = new HttpClient(_handler, disposeHandler: false) { BaseAddress = Origin, Timeout = TimeSpan.FromMinutes(2) };
        if (user is not null)
        {
            var secret = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", secret);
        }
        return client;
    }

    public TestClient Client(string user = User) => new(Http(user), user == User ? Account : OtherAccount);

    /// <summary>A message comes into a mailbox without any client's doing.</summary>
    public async Task<Appended> DeliverAsync(
        ReadOnlyMemory<byte> message, SystemFlags flags = SystemFlags.None, MailboxId? mailbox = null, DateTimeOffset? at = null,
            AccountId? account = null)
    {
        var staged = await Store.StageAsync(message);
        var email = staged.ToEmail(flags, [], at ?? DateTimeOffset.UtcNow);
        return (await Store.Emails.AppendAsync(account ?? Account, mailbox ?? Mailbox.Inbox, [email])).Require();
    }

    public Task<Appended> DeliverAsync(string subject, string body = "A line.", SystemFlags flags = SystemFlags.None, MailboxId? mailbox = null) =>
        DeliverAsync(Message(subject, body), flags, mailbox);

    public static byte[] Message(string subject, string body, string? id = null, string? inReplyTo = null) => Encoding.UTF8.GetBytes(
        $"From: Bob <bob@example.test>\r\nTo: Ann <ann@example.test>\r\nSubject: {subject}\r\nDate: Wed, 4 Mar 2026 05:06:07 +0100\r\n"
        + $"Message-ID: <{id ?? Guid.NewGuid().ToString("N")}@example.test>\r\n"
        + (inReplyTo is null ? "" : $"In-Reply-To: <{inReplyTo}@example.test>\r\nReferences: <{inReplyTo}@example.test>\r\n")
        + $"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n");

    public async ValueTask DisposeAsync()
    {
        _handler.Dispose();
        await _app.DisposeAsync();
        await Store.DisposeAsync();
        _directory.Dispose();
        await _blobs.DisposeAsync();
        await _searchDb.DisposeAsync();
        await _db.DisposeAsync();
        System.IO.Directory.Delete(_folder, recursive: true);
    }
}
