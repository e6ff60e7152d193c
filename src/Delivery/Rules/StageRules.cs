using System.Net;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Delivery;

/// <summary>The operator's rules, asked in their order at each recipient and at the end of each message. They are held in memory.</summary>
public sealed class StageRules
{
    /// <summary>How often what another node has changed is looked at.</summary>
    public static readonly TimeSpan RefreshEvery = TimeSpan.FromMinutes(1);

    private const string Columns = "rule, position, listener, network, helo, sender, recipient, header, action, text, verdict";

    private static readonly string InsertSql =
        $"INSERT INTO stage_rule ({Columns["rule, ".Length..]}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING rule";

    private static readonly string[] Listeners = ["mx", "submission", "lmtp"];

    private readonly Database _db;
    private readonly ILogger _log;
    private StageRule[] _rules = [];

    internal StageRules(Database db, ILogger log) => (_db, _log) = (db, log);

    /// <summary>Nobody has made one.</summary>
    public bool IsEmpty => Volatile.Read(ref _rules).Length == 0;

    /// <summary>Some ask what was found out of a message's origin: then all wait until that is known, since they are asked in their order.</summary>
    internal bool WaitForVerdicts => Array.Exists(Volatile.Read(ref _rules), static rule => rule.Match.Verdict is not null);

    public ValueTask<IReadOnlyList<StageRule>> ListAsync(CancellationToken ct = default) => _db.ReadAsync<IReadOnlyList<StageRule>>(Read, ct);

    public async ValueTask<Result<StageRule>> AddAsync(
        Authority by, int position, RuleMatch match, RuleAction action, string text, CancellationToken ct = default)
    {
        by.DemandEverything("make rules for everybody's mail");
        if (FaultOf(match, action, text) is { } fault) return new Refusal(RefusalKind.Invalid, fault);
        var added = await _db.WriteAsync<Result<StageRule>>(tx =>
        {
            if (tx.Prepare("SELECT COUNT(*) FROM stage_rule").Scalar() >= DeliveryLimits.RulesMax)
            {
                return new Refusal(RefusalKind.TooMany, $"there are at most {DeliveryLimits.RulesMax} rules");
            }
            var id = tx.Prepare(InsertSql)
                .Bind(position).Bind(match.Listener).Bind(match.Network?.ToString()).Bind(match.Helo).Bind(match.Sender).Bind(match.Recipient)
                .Bind(match.Header).Bind((long)action).Bind(text).Bind(match.Verdict?.ToString()).Scalar()!.Value;
            return new StageRule(id, position, match, action, text);
        }, ct);
        await RefreshAsync(ct);
        if (added.TryGet(out var rule)) Log.RuleAdded(_log, rule.Id, action, by.Name);
        return added;
    }

    public async ValueTask<Result<StageRule>> RemoveAsync(Authority by, long id, CancellationToken ct = default)
    {
        by.DemandEverything("remove rules for everybody's mail");
        var removed = await _db.WriteAsync(tx =>
        {
            var rule = Read(tx).FirstOrDefault(rule => rule.Id == id);
            if (rule is not null) tx.Prepare("DELETE FROM stage_rule WHERE rule = $1").Bind(id).Execute();
            return rule;
        }, ct);
        await RefreshAsync(ct);
        if (removed is null) return new Refusal(RefusalKind.NotFound, $"there is no rule {id}");
        Log.RuleRemoved(_log, id, by.Name);
        return removed;
    }

    public async Task RefreshAsync(CancellationToken ct) => Volatile.Write(ref _rules, [.. await _db.ReadAsync(Read, ct)]);

    /// <summary>What the rules say to a recipient. Null when it may be served; what they do to the whole message comes at its end.</summary>
    public Refusal? AtRecipient(RuleSubject subject, EmailAddress recipient)
    {
        foreach (var rule in Volatile.Read(ref _rules))
        {
            if (rule.Match.NeedsMessage || !rule.Match.Holds(subject, recipient)) continue;
            switch (rule.Action)
            {
                case RuleAction.Accept:
                    return null;
                case RuleAction.Reject:
                    return new Refusal(RefusalKind.Forbidden, rule.Text);
                case RuleAction.Defer:
                    return new Refusal(RefusalKind.TemporarilyUnavailable, rule.Text);
            }
        }
        return null;
    }

    /// <summary>The fields that rules write anew. Decided before a message is stored, so no verdict counts.</summary>
    internal IReadOnlyList<string> Rewritings(RuleSubject subject, IReadOnlyList<Recipient> recipients, ReadOnlySpan<byte> header)
    {
        List<string>? found = null;
        foreach (var rule in Volatile.Read(ref _rules))
        {
            if (rule.Action != RuleAction.RewriteHeader || !rule.Match.Holds(subject, recipients, header, null)) continue;
            (found ??= []).Add(rule.Text);
        }
        return found ?? [];
    }

    /// <summary>What the rules do with a message.</summary>
    internal RuleOutcome AtMessage(RuleSubject subject, IReadOnlyList<Recipient> recipients, ReadOnlySpan<byte> header, MailVerdicts? verdicts)
    {
        var outcome = new RuleOutcome();
        foreach (var rule in Volatile.Read(ref _rules))
        {
            if (!rule.Match.Holds(subject, recipients, header, verdicts)) continue;
            // A rule about one recipient has spoken at that recipient.
            if (rule is { Action: RuleAction.Accept or RuleAction.Reject or RuleAction.Defer, Match: { Recipient: not null, NeedsMessage: false } })
            {
                continue;
            }
            if (outcome.Take(rule)) break;
        }
        return outcome;
    }

    private static string? FaultOf(RuleMatch match, RuleAction action, string text)
    {
        if (match.Listener is { } listener && !Listeners.Contains(listener)) return "a listener is mx, submission or lmtp";
        string?[] texts = [match.Helo, match.Sender, match.Recipient, match.Header, text];
        if (texts.Any(static text => text is not null && (text.Length > DeliveryLimits.RuleCharsMax || text.Any(char.IsControl))))
        {
            return $"a text of a rule has at most {DeliveryLimits.RuleCharsMax} characters and no control characters";
        }
        if (match.Header is { } header && !IsField(header)) return "a header condition is a name, a colon and a pattern";
        if (action is RuleAction.AddHeader or RuleAction.RewriteHeader && !IsField(text)) return "what is written is a name, a colon and a value";
        if (action == RuleAction.RewriteHeader && match.Verdict is not null) return "fields are written anew before verdicts are known";
        if (action == RuleAction.Redirect && !EmailAddress.TryParse(text, out _)) return "mail is redirected to an address";
        if (action == RuleAction.Route && !RuleOutcome.TryRoute(text, out _)) return "a route is named by its number";
        return action is RuleAction.Reject or RuleAction.Defer && text.Length == 0 ? "a refusal needs a text" : null;
    }

    private static bool IsField(string text) =>
        text.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon && text[..colon].All(static c => c is > ' ' and <= '~');

    private static List<StageRule> Read(Snapshot db)
    {
        var rules = new List<StageRule>();
        using var rows = db.Prepare($"SELECT {Columns} FROM stage_rule ORDER BY position, rule").Query();
        while (rows.Next())
        {
            var network = rows.NullableText(3) is { } text ? IPNetwork.Parse(text) : default(IPNetwork?);
            var match = new RuleMatch(
                rows.NullableText(2), network, rows.NullableText(4), rows.NullableText(5), rows.NullableText(6), rows.NullableText(7),
                VerdictCondition.TryParse(rows.NullableText(10) ?? "", out var verdict) ? verdict : null);
            rules.Add(new StageRule(rows.Int64(0), (int)rows.Int64(1), match, (RuleAction)rows.Int64(8), rows.Text(9)));
        }
        return rules;
    }
}
