using Microsoft.Extensions.Logging;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Dns;
using Posthorn.Store;
using Posthorn.Trust;
using Posthorn.Wire;

namespace Posthorn.Delivery;

// The room of everything that happens to a message between its acceptance and its mailboxes: the intake, the queue, local and outbound delivery,
// reports to senders.
//
// What holds here:
//  * A message enters through Intake. What it acknowledged is durable for every recipient: one commit holds either every local delivery or
//    one queue entry with every recipient.
//  * At the MX only addresses of this server's domains are taken. An alias may lead outside, a recipient may not.
//  * A queued recipient is a row until it is delivered, reported or cancelled. A local delivery and the removal of its row are one action, so it
//    happens once whatever crashes. A remote one may happen twice, if the other server's answer or our note of it is lost.
//  * An attempt holds a claim: the node's name and a lease. Whatever ends an attempt asks for the claim first.
//  * A permanent failure, and the report of it, are one action. A report goes out with the null path, so nobody reports on a report; one that
//    fails is kept for the postmaster.
//  * Recipients of one message share one blob; what is one recipient's own (Return-Path, Delivered-To, Received) is a prefix to it.
//
// Locks: the runner's gates, for list work only. Accounts are delivered to in the order of their ids.
// What this room must never do: expand a list while a client waits, hold a transaction over an await, speak to a client.

/// <summary>The delivery of one server: the door to its parts.</summary>
public sealed class MailDelivery : IAsyncDisposable
{
    private readonly Func<ValueTask> _closeOutbound;

    private readonly MailTls? _tls;
    private readonly ReportSending? _sending;
    private readonly FailureReporting? _failures;
    private readonly AccountNotices _notices;

    private MailDelivery(
        Intake intake, Queue queue, MailRoutes routes, Suppressions suppressions, QueueRunner runner, MailTls? tls, ReportSending? sending,
        FailureReporting? failures, AccountNotices notices, Func<ValueTask> closeOutbound) =>
        (Intake, Queue, Routes, Suppressions, Runner, _tls, _sending, _failures, _notices, _closeOutbound) =
            (intake, queue, routes, suppressions, runner, tls, sending, failures, notices, closeOutbound);

    /// <summary>The tables; after those of blobs, store and directory.</summary>
    public static Schema Schema => DeliverySchema.Schema;

    public Intake Intake { get; }

    public Queue Queue { get; }

    public MailRoutes Routes { get; }

    public Suppressions Suppressions { get; }

    /// <summary>What waits in the queue is being tried.</summary>
    public bool IsRunning => Runner.IsRunning;

    /// <summary>TLS with other servers.</summary>
    public MailTls Tls => _tls ?? throw new InvalidOperationException("this delivery speaks with no other server");

    internal QueueRunner Runner { get; }

    /// <summary>Ready to take mail; what waits in the queue is tried after <see cref="Start"/>.</summary>
    /// <param name="vault">Keeps the passwords of relays; without one no route has any.</param>
    /// <param name="journey">Gets the traces of messages; without one there are none. Not disposed.</param>
    public static MailDelivery Open(
        DeliverySettings settings,
        Database db,
        BlobStore blobs,
        MailStore store,
        MailDirectory directory,
        Resolver resolver,
        TimeProvider time,
        ILoggerFactory logs,
        MailTrust? trust = null,
        Vault? vault = null,
        Journey? journey = null)
    {
        var log = logs.CreateLogger("Posthorn.Delivery");
        var wire = new WireClient(time);
        var tls = MailTls.Open(db, resolver, HttpsSettings.Beside(settings.Port), time, logs);
        var outbound = new OutboundClient(settings, resolver, wire, tls, time, log);
        return Open(settings, db, blobs, store, directory, outbound.SendAsync, CloseAsync, time, log, trust, tls, resolver, vault, journey);

        async ValueTask CloseAsync()
        {
            await outbound.DisposeAsync();
            wire.Dispose();
            tls.Dispose();
        }
    }

    /// <param name="send">What becomes of one message to one destination.</param>
    /// <param name="closeOutbound">Called when this is disposed.</param>
    internal static MailDelivery Open(
        DeliverySettings settings,
        Database db,
        BlobStore blobs,
        MailStore store,
        MailDirectory directory,
        Func<OutboundMessage, CancellationToken, Task<IReadOnlyList<OutboundResult>>> send,
        Func<ValueTask> closeOutbound,
        TimeProvider time,
        ILogger log,
        MailTrust? trust = null,
        MailTls? tls = null,
        Resolver? resolver = null,
        Vault? vault = null,
        Journey? journey = null)
    {
        var routes = new MailRoutes(db, settings, vault, log);
        var table = new QueueTable(blobs, routes, settings);
        var routing = new Routing(db, store, table, journey);
        var reports = new Reports(settings, blobs, store, directory.AddressBook, routing, trust, log);
        var suppressions = new Suppressions(db, settings, time, log);
        var settlement = new Settlement(settings, db, table, reports, suppressions, journey, time, log);
        var reading = new ReportReading(settings, db, blobs, directory.AddressBook, table, new ReportBook(db, time), log);
        var attempts = new Attempts(
            settings, db, blobs, store, directory.AddressBook, table, routes, send, settlement, reports, journey, trust, reading, time, log);
        var runner = new QueueRunner(settings, db, attempts, routes, time, log);
        routing.Queued = runner.Notify;
        routes.Moved = runner.Notify;
        var intake = new Intake(settings, db, store, directory.AddressBook, directory.Sending, routing, trust, journey, time, log);
        var sending = tls is null || resolver is null ? null : Sending(settings, db, directory, intake, tls, resolver, time, log);
        var queue = new Queue(db, table, routes, runner.Reopen, journey, time, log);
        var failures = sending is null || !settings.SendsFailureReports ? null : new FailureReporting(sending, time, log);
        intake.Failed = failures is null ? null : failures.Offer;
        var notices = new AccountNotices(settings, directory, intake, time, log);
        return new MailDelivery(intake, queue, routes, suppressions, runner, tls, sending, failures, notices, closeOutbound);
    }

    private static ReportSending Sending(
        DeliverySettings settings,
        Database db,
        MailDirectory directory,
        Intake intake,
        MailTls tls,
        Resolver resolver,
        TimeProvider time,
        ILogger log)
    {
        var reports = new OutgoingReports(db, new DmarcBook(db), tls.Results, resolver, time, settings.Hostname);
        return new ReportSending(settings, directory, intake, reports, tls.Https, time, log);
    }

    /// <summary>Sends the reports that are due to domains that ask for them: once an hour is right.</summary>
    public Task SendReportsAsync(CancellationToken ct) => _sending?.RunAsync(ct) ?? Task.CompletedTask;

    /// <summary>Sends reports of single failures until it is stopped; ends at once when none are wanted.</summary>
    public Task SendFailureReportsAsync(CancellationToken ct) => _failures?.RunAsync(ct) ?? Task.CompletedTask;

    /// <summary>Tells people by mail what happened to their accounts since the last time.</summary>
    public Task SendNoticesAsync(CancellationToken ct) => _notices.RunAsync(ct);

    /// <summary>Begins to work off the queue.</summary>
    public void Start() => Runner.Start();

    /// <summary>No new attempts; those under way end, or are broken off when <paramref name="ct"/> says so, and repeated later.</summary>
    public Task StopAsync(CancellationToken ct) => Runner.StopAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await Runner.DisposeAsync();
        await _closeOutbound();
    }
}
