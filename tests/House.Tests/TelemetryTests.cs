using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Posthorn.House.Tests;

/// <summary>docs/telemetry.md names every event and every metric that the source has.</summary>
public sealed partial class TelemetryTests
{
    private const string Page = "docs/telemetry.md";
    private const string Begin = "<!-- events: written from the [LoggerMessage] of each room by House.Tests -->\n";
    private const string End = "<!-- end of events -->\n";

    [Fact]
    public void The_table_of_events_is_the_one_of_the_source()
    {
        string page = Repository.Read(Page);
        int start = page.IndexOf(Begin, StringComparison.Ordinal), end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(start >= 0 && end > start, $"{Page} has lost the marks around its events.");
        var table = new StringBuilder("\n| event | room | level | says |\n|---|---|---|---|\n");
        foreach (var (id, room, level, text) in Events().OrderBy(e => e.Id))
            table.Append(CultureInfo.InvariantCulture, $"| {id} | {room} | {level} | {text.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        Repository.AssertGenerated(Page, page[..(start + Begin.Length)] + table + "\n" + page[end..]);
    }

    [Fact]
    public void No_two_events_share_a_number()
    {
        Offenders.None(Events().GroupBy(e => e.Id).Where(e => e.Count() > 1).Select(e => $"{e.Key}: {string.Join(", ", e.Select(one => one.Room))}"));
    }

    [Fact]
    public void Every_metric_of_the_source_stands_on_the_page()
    {
        string page = Repository.Read(Page);
        var metrics = Sources().Select(Repository.Read).Where(text => text.Contains("using System.Diagnostics.Metrics;", StringComparison.Ordinal))
            .SelectMany(text => Metric().Matches(text)).Select(m => m.Groups[1].Value.Replace('.', '_'));
        Offenders.None(metrics.Where(name => !page.Contains($"`{name}", StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Sources() => Repository.CSharpFiles.Where(f => f.StartsWith("src/", StringComparison.Ordinal));

    private static IEnumerable<(int Id, string Room, string Level, string Text)> Events() =>
        from file in Sources()
        where Path.GetFileName(file).EndsWith("Log.cs", StringComparison.Ordinal)
        from attribute in CSharpSyntaxTree.ParseText(Repository.Read(file)).GetRoot().DescendantNodes().OfType<AttributeSyntax>()
        where attribute.Name.ToString() == "LoggerMessage"
        let arguments = attribute.ArgumentList!.Arguments
        select (
            int.Parse(arguments[0].ToString(), CultureInfo.InvariantCulture),
            file.Split('/')[1],
            arguments[1].ToString().Split('.')[^1].ToLowerInvariant(),
            string.Concat(arguments[2].DescendantNodesAndSelf().OfType<LiteralExpressionSyntax>().Select(l => l.Token.ValueText)));

    [GeneratedRegex("\"(posthorn\\.[a-z._]+)\"")]
    private static partial Regex Metric();
}
