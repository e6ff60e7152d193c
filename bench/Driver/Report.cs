using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Posthorn.Bench;

/// <summary>
/// Writes bench/RESULTS.md from the newest raw results of each mode: medians over the pairs, the spread, the ratio to the peer of the
/// same run, and whether what was set out to be reached has been.
/// </summary>
internal static class Report
{
    private const string Peer = "postfix+dovecot";
    private const string Posthorn = "posthorn";
    private static readonly string[] CellFields = ["size", "sessions", "mailboxes", "messages"];

    private enum Bound { RatioAtLeast, RatioAtMost, AtLeast, AtMost }

    private sealed record Column(string Test, string Field, string Title);

    private sealed record Goal(string Test, string Field, string? Cell, Bound Bound, double Value);

    private static readonly Column[] Columns =
    [
        new("smtp", "delivered_per_s", "delivered messages/s"),
        new("smtp", "cpu_s_per_1000", "CPU seconds per 1,000 messages"),
        new("smtp", "cpu_s_per_1000_at_rest", "CPU seconds per 1,000 messages, with what was put off until after the load"),
        new("smtp", "p99_ms", "99th percentile of an acknowledgement, ms"),
        new("smtp", "rss_mb", "resident memory, MB"),
        new("smtp_filled", "delivered_per_s", "delivered messages/s into empty and filled mailboxes"),
        new("syncs", "syncs_per_message", "syncs per message"),
        new("append", "per_s", "APPEND, messages/s"),
        new("append", "cpu_s_per_1000", "APPEND, CPU seconds per 1,000"),
        new("idle", "start_ms", "start to listening, ms"),
        new("idle", "rss_mb", "resident memory without traffic, MB"),
        new("idle", "cpu_ms_per_s", "processor without traffic, ms per second"),
        new("idle_connections", "rss_kb_each", "resident memory of an idle IMAP connection, KB"),
        new("idle_connections", "private_kb_each", "unshared memory of an idle IMAP connection, KB"),
        new("fill", "per_s", "filling by APPEND, messages/s"),
        new("select_first", "ms", "first SELECT after start, ms"),
        new("select_warm", "ms", "SELECT, ms"),
        new("fetch_flags", "per_s", "FETCH 1:* (FLAGS UID), messages/s"),
        new("fetch_envelope_first", "per_s", "FETCH 1:* ENVELOPE for the first time, messages/s"),
        new("fetch_envelope", "per_s", "FETCH 1:* ENVELOPE again, messages/s"),
        new("fetch_overview_first", "per_s", "FETCH of flags, date, size, envelope and structure for the first time, messages/s"),
        new("fetch_overview", "per_s", "the same again, messages/s"),
        new("fetch_body_first", "per_s", "FETCH 1:1000 BODY.PEEK[] for the first time, messages/s"),
        new("fetch_body", "per_s", "the same again, messages/s"),
        new("fetch_one_body", "per_s", "one body a command, messages/s"),
        new("store_one_flag", "per_s", "STORE of one flag a command, commands/s"),
        new("search_flag", "ms", "SEARCH UNSEEN, ms"),
        new("search_date", "ms", "SEARCH SINCE SMALLER, ms"),
        new("search_from", "ms", "SEARCH FROM, ms"),
        new("search_subject", "ms", "SEARCH SUBJECT, ms"),
        new("search_header", "ms", "SEARCH HEADER Message-ID, ms"),
        new("search_text", "ms", "SEARCH TEXT of a rare word, ms"),
        new("trust_verify", "per_cpu_s", "messages of 10 KB checked (SPF, two DKIM signatures, ARC, DMARC) per CPU second"),
        new("trust_sign", "us_each", "signature with RSA-2048 and Ed25519, µs of CPU"),
        new("trust_sign_ratio", "times_raw_rsa", "the same in raw RSA signatures of OpenSSL"),
        new("imap_memory", "rss_mb", "resident memory after all this, MB"),
    ];

    private static readonly Goal[] Goals =
    [
        new("smtp", "delivered_per_s", "4096 x 1", Bound.RatioAtLeast, 3),
        new("smtp", "delivered_per_s", "4096 x 16", Bound.RatioAtLeast, 10),
        new("smtp", "delivered_per_s", "51200 x 16", Bound.RatioAtLeast, 8),
        new("smtp", "delivered_per_s", "1048576 x 16", Bound.RatioAtLeast, 3),
        new("smtp", "cpu_s_per_1000_at_rest", "4096 x 1", Bound.RatioAtMost, 0.1),
        new("smtp", "cpu_s_per_1000_at_rest", "4096 x 16", Bound.RatioAtMost, 0.1),
        new("smtp", "cpu_s_per_1000_at_rest", "4096 x 64", Bound.RatioAtMost, 0.1),
        new("syncs", "syncs_per_message", "4096 x 1", Bound.AtMost, 2),
        new("syncs", "syncs_per_message", "4096 x 16", Bound.AtMost, 0.3),
        new("syncs", "syncs_per_message", "4096 x 64", Bound.AtMost, 0.1),
        new("append", "per_s", null, Bound.RatioAtLeast, 1),
        new("idle", "start_ms", null, Bound.AtMost, 300),
        new("idle", "rss_mb", null, Bound.AtMost, 60),
        new("idle_connections", "rss_kb_each", null, Bound.AtMost, 15),
        new("select_first", "ms", null, Bound.AtMost, 50),
        new("select_warm", "ms", null, Bound.AtMost, 2),
        new("fetch_flags", "per_s", null, Bound.AtLeast, 1_000_000),
        new("fetch_envelope", "per_s", null, Bound.AtLeast, 200_000),
        new("trust_verify", "per_cpu_s", null, Bound.AtLeast, 3_000),
        new("trust_sign_ratio", "times_raw_rsa", null, Bound.AtMost, 1.3),
    ];

    public static void Write(string bench)
    {
        var text = new StringBuilder();
        text.Append("# Results\n\nWritten by `bench/run report` from the newest raw results of each mode in `bench/results/`; not edited by hand.\n"
            + "A figure is the median over the pairs of one run, with the lowest and the highest in parentheses; the ratio is Posthorn's median\n"
            + "to the peer's of the same run. What is measured, and how, stands in [README.md](README.md).\n");
        var files = Directory.GetFiles(Path.Combine(bench, "results"), "*.jsonl").Order(StringComparer.Ordinal)
            .GroupBy(f => Path.GetFileNameWithoutExtension(f).Split('-', 3)[^1], StringComparer.Ordinal);
        foreach (var mode in files.OrderBy(m => Array.IndexOf(["smtp", "smtp-filled", "syncs", "append", "imap", "idle", "trust"], m.Key)))
            WriteMode(text, mode.Key, mode.Last());
        File.WriteAllText(Path.Combine(bench, "RESULTS.md"), text.ToString());
    }

    private static void WriteMode(StringBuilder text, string mode, string file)
    {
        var lines = File.ReadLines(file).Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        var about = lines.First(l => Text(l, "test") == "about");
        var programs = about.EnumerateObject().Where(p => p.Name.StartsWith("program ", StringComparison.Ordinal)).Select(p => p.Value.GetString());
        text.Append(CultureInfo.InvariantCulture, $"\n## {mode}\n\n{Text(about, "date")}, {Text(about, "cores")} cores, ");
        text.Append(CultureInfo.InvariantCulture, $"{Text(about, "memory_gb")} GB; {string.Join("; ", programs)};\n");
        text.Append(CultureInfo.InvariantCulture, $"raw: `results/{Path.GetFileName(file)}`\n");
        WriteNoise(text, lines);
        text.Append("\n| | cell | peer | Posthorn | ratio | to reach | |\n|---|---|---:|---:|---:|---|---|\n");
        foreach (var column in Columns)
        {
            var cells = lines.Where(l => Text(l, "test") == column.Test && l.TryGetProperty(column.Field, out _))
                .GroupBy(Cell, StringComparer.Ordinal);
            foreach (var cell in cells)
                WriteRow(text, column, cell.Key, Values(cell, Peer, column.Field), Values(cell, Posthorn, column.Field));
        }
        foreach (var line in lines.Where(l => Text(l, "warning").Length > 0 || Text(l, "failed") is not ("" or "0")))
        {
            text.Append(CultureInfo.InvariantCulture, $"\nNot clean: {Text(line, "target")} {Text(line, "test")} {Cell(line)}: ");
            text.Append(CultureInfo.InvariantCulture, $"{Text(line, "failed")} failed {Text(line, "first_failure")} {Text(line, "warning")}\n");
        }
    }

    // A shared machine blurs wall-clock figures; the share that others took tells by how much.
    private static void WriteNoise(StringBuilder text, List<JsonElement> lines)
    {
        double Sum(string field) => lines.Sum(l => l.TryGetProperty(field, out var value) ? value.GetDouble() : 0);
        double ours = Sum("cpu_user_s") + Sum("cpu_system_s") + Sum("driver_cpu_s"), others = Sum("other_cpu_s");
        if (ours > 0)
        {
            double all = ours + others;
            text.Append(CultureInfo.InvariantCulture, $"\nOf the processor time spent, {Sum("driver_cpu_s") / all:p0} was the driver's");
            text.Append(CultureInfo.InvariantCulture, $" and {others / all:p0} that of other programs on the machine.\n");
        }
    }

    private static void WriteRow(StringBuilder text, Column column, string cell, double[] peer, double[] posthorn)
    {
        double ratio = peer.Length > 0 && posthorn.Length > 0 && Spread.Median(peer) > 0 ? Spread.Median(posthorn) / Spread.Median(peer) : 0;
        var goal = Array.Find(Goals, g => g.Test == column.Test && g.Field == column.Field && (g.Cell is null || g.Cell == cell));
        text.Append(CultureInfo.InvariantCulture, $"| {column.Title} | {cell} | {Show(peer)} | {Show(posthorn)} ");
        text.Append(CultureInfo.InvariantCulture, $"| {(ratio > 0 ? Number(ratio) : "")} | {Describe(goal)} | {Verdict(goal, posthorn, ratio)} |\n");
    }

    private static string Describe(Goal? goal) => goal is null ? "" : goal.Bound switch
    {
        Bound.RatioAtLeast => $"{Number(goal.Value)} times",
        Bound.RatioAtMost => $"at most {Number(goal.Value)} times",
        Bound.AtLeast => $"{Number(goal.Value)} or more",
        _ => $"at most {Number(goal.Value)}",
    };

    private static string Verdict(Goal? goal, double[] posthorn, double ratio)
    {
        if (goal is null || posthorn.Length == 0)
            return "";
        double value = goal.Bound is Bound.RatioAtLeast or Bound.RatioAtMost ? ratio : Spread.Median(posthorn);
        if (value == 0)
            return "";
        return (goal.Bound is Bound.RatioAtLeast or Bound.AtLeast ? value >= goal.Value : value <= goal.Value) ? "reached" : "missed";
    }

    private static double[] Values(IEnumerable<JsonElement> lines, string target, string field) =>
        lines.Where(l => Text(l, "target") == target && l.GetProperty("pair").GetInt32() > 0).Select(l => l.GetProperty(field).GetDouble()).ToArray();

    private static string Cell(JsonElement line) =>
        string.Join(" x ", CellFields.Where(f => line.TryGetProperty(f, out _)).Select(f => Text(line, f)));

    private static string Text(JsonElement line, string field) => line.TryGetProperty(field, out var value) ? value.ToString() : "";

    private static string Show(double[] values) => values.Length switch
    {
        0 => "",
        1 => Number(values[0]),
        _ => $"{Number(Spread.Median(values))} ({Number(values.Min())}..{Number(values.Max())})",
    };

    private static string Number(double value) => Math.Abs(value) switch
    {
        >= 100 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.###", CultureInfo.InvariantCulture),
    };
}
