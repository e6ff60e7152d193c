using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>Which recipients of queued messages are meant; what is not set does not matter.</summary>
public sealed record QueueFilter
{
    public static QueueFilter All { get; } = new();

    /// <summary>Where it goes.</summary>
    public Domain? Domain { get; init; }

    /// <summary>A part of the sender's address, in any case.</summary>
    public string? Sender { get; init; }

    /// <summary>A part of the recipient's address, in any case.</summary>
    public string? Recipient { get; init; }

    /// <summary>A part of the last reply, in any case.</summary>
    public string? Error { get; init; }

    /// <summary>The message's name.</summary>
    public string? Message { get; init; }

    public QueueState? State { get; init; }

    /// <summary>Has waited at least so long.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>Sent from this domain, or to it: what an administrator of one domain may see.</summary>
    public Domain? Within { get; init; }

    /// <summary>What is set, as conditions on the row r and its entry e.</summary>
    internal Conditions Where(DateTimeOffset now)
    {
        var where = new Conditions();
        if (Domain is { } domain) where.Add("r.domain = ", domain.Ascii);
        if (Message is { Length: > 0 } message) where.Add("e.name = ", message);
        if (State is { } state) where.Add("r.state = ", (long)state);
        if (Age is { } age) where.Add("e.arrived <= ", (now - age).ToUnixTimeMilliseconds());
        if (Sender is { Length: > 0 } sender) where.AddLike("e.sender", sender);
        if (Recipient is { Length: > 0 } recipient) where.AddLike("r.address", recipient);
        if (Error is { Length: > 0 } error) where.AddLike("COALESCE(r.reply, '')", error);
        if (Within is { } within) where.AddWithin(within.Ascii);
        return where;
    }

    /// <summary>The text holds placeholders alone, so there are as many texts as combinations of conditions.</summary>
    internal sealed class Conditions
    {
        private readonly StringBuilder _sql = new();
        private readonly List<object> _values = [];

        public void Add(string condition, object value) => _sql.Append(" AND ").Append(condition).Append(Next(value));

        public void AddLike(string column, string part) =>
            _sql.Append(CultureInfo.InvariantCulture, $" AND LOWER({column}) LIKE {Next("%" + Escape(part) + "%")} ESCAPE '!'");

        public void AddWithin(string domain)
        {
            var tail = "%@" + Escape(domain);
            _sql.Append(
                CultureInfo.InvariantCulture,
                $" AND (LOWER(e.sender) LIKE {Next(tail)} ESCAPE '!' OR LOWER(r.original) LIKE {Next(tail)} ESCAPE '!')");
        }

        /// <param name="head">Ends before the conditions.</param>
        /// <param name="after">Rows behind this one, by id.</param>
        public Statement Prepare(Snapshot db, string head, long after, int max)
        {
            var behind = Next(after);
            var limit = Next(max);
            var statement = db.Prepare($"{head} WHERE 1 = 1{_sql} AND r.recipient > {behind} ORDER BY r.recipient LIMIT {limit}");
            foreach (var value in _values) statement = value is string text ? statement.Bind(text) : statement.Bind((long)value);
            return statement;
        }

        private string Next(object value)
        {
            _values.Add(value is int number ? (long)number : value);
            return string.Create(CultureInfo.InvariantCulture, $"${_values.Count}");
        }

        private static string Escape(string part) => part.ToLowerInvariant()
            .Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal);
    }
}
