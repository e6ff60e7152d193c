using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Posthorn.Admin.Tests;

public sealed partial class MetricsTests
{
    [Fact]
    public async Task The_page_is_in_Prometheus_format_and_tells_of_the_queue_and_the_runtime()
    {
        await using var host = await TestHost.StartAsync();
        await host.QueueAsync("ann@example.test", "bob@else.test");
        var answer = (await host.OverHttp().GetAsync("/metrics")).Is(HttpStatusCode.OK);
        Assert.Equal("text/plain", answer.MediaType);
        var samples = Parse(answer.Text);
        Assert.Equal(1, samples["posthorn_queue_recipients{state=\"waiting\"}"]);
        Assert.Equal(0, samples["posthorn_queue_recipients{state=\"held\"}"]);
        Assert.Equal(1, samples["posthorn_build{version=\"1.2.3\"}"]);
        Assert.True(samples["dotnet_process_memory_working_set_bytes"] > 1_000_000);
        Assert.Contains(samples.Keys, name => name.StartsWith("dotnet_gc_collections_total{", StringComparison.Ordinal));
    }

    [Fact]
    public void Counters_add_up_gauges_keep_the_last_value_and_labels_are_escaped()
    {
        using var collector = new MetricsCollector();
        using var meter = new Meter("Posthorn.Test." + Guid.NewGuid().ToString("N"));
        var counter = meter.CreateCounter<long>("posthorn.test.things", "{thing}", "Things.\nOf two lines \\.");
        var level = meter.CreateUpDownCounter<int>("posthorn.test.level");
        var gauge = meter.CreateGauge<double>("posthorn.test.size", "By");
        meter.CreateObservableGauge("posthorn.test.odd", () => double.PositiveInfinity);
        meter.CreateHistogram<double>("posthorn.test.passed_over").Record(1);
        counter.Add(2, new("b", "x"), new("a", "quote\" back\\ line\n"));
        counter.Add(3, new("a", "quote\" back\\ line\n"), new("b", "x"));
        level.Add(5);
        level.Add(-2);
        gauge.Record(1.5);
        gauge.Record(0.25);
        var text = PrometheusText.Write(collector.Collect().Where(family => family.Name.Contains("posthorn_test", StringComparison.Ordinal)));
        var samples = Parse(text);
        Assert.Equal(5, samples["posthorn_test_things_total{a=\"quote\\\" back\\\\ line\\n\",b=\"x\"}"]);
        Assert.Contains("# HELP posthorn_test_things_total Things.\\nOf two lines \\\\.\n", text, StringComparison.Ordinal);
        Assert.Equal(3, samples["posthorn_test_level"]);
        Assert.Equal(0.25, samples["posthorn_test_size_bytes"]);
        Assert.Equal(double.PositiveInfinity, samples["posthorn_test_odd"]);
        Assert.DoesNotContain("passed_over", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_that_a_peer_could_choose_fill_no_memory()
    {
        using var collector = new MetricsCollector();
        using var meter = new Meter("Posthorn.Test." + Guid.NewGuid().ToString("N"));
        var counter = meter.CreateCounter<long>("posthorn.test.flood");
        for (var i = 0; i < 10_000; i++) counter.Add(1, new KeyValuePair<string, object?>("name", i));
        Assert.Equal(
            MetricsCollector.SeriesPerInstrumentMax, collector.Collect().Single(family => family.Name == "posthorn_test_flood_total").Series.Count);
    }

    // The format's own rules: each family is typed once, before its samples, and they stand together.
    private static Dictionary<string, double> Parse(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var (samples, typed) = (new Dictionary<string, double>(), new HashSet<string>());
        var family = "";
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal)) continue;
            if (TypeLine().Match(line) is { Success: true } type)
            {
                family = type.Groups[1].Value;
                Assert.True(typed.Add(family), line);
                continue;
            }
            var sample = SampleLine().Match(line);
            Assert.True(sample.Success, line);
            Assert.Equal(family, sample.Groups[1].Value);
            var number = sample.Groups[3].Value;
            var value = number == "+Inf" ? double.PositiveInfinity : double.Parse(number, CultureInfo.InvariantCulture);
            Assert.True(samples.TryAdd(sample.Groups[1].Value + sample.Groups[2].Value, value), line);
        }
        return samples;
    }

    [GeneratedRegex("^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$")]
    private static partial Regex TypeLine();

    private const string LabelPattern = "[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\\]|\\\\.)*\"";

    [GeneratedRegex("^([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{" + LabelPattern + "(?:," + LabelPattern + ")*\\})? (\\S+)$")]
    private static partial Regex SampleLine();
}
