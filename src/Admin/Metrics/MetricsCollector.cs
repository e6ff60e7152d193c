using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Posthorn.Admin;

/// <summary>Listens to the instruments of this program and of the runtime, and keeps what Prometheus asks for: sums and last values.</summary>
/// <remarks>
/// Counters are added up from when this was made, so it is made before anything counts. The table is lock-free; a measurement costs one look-up.
/// </remarks>
internal sealed class MetricsCollector : IDisposable
{
    /// <summary>Combinations of an instrument's tags; more would be a tag that a peer can choose.</summary>
    public const int SeriesPerInstrumentMax = 200;

    private const string Ours = "Posthorn";
    private const string Runtimes = "System.Runtime";

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Instrument, ConcurrentDictionary<string, Cell>> _instruments = new();

    public MetricsCollector()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (IsWanted(instrument)) listener.EnableMeasurementEvents(instrument, _instruments.GetOrAdd(instrument, _ => new()));
        };
        // An instrument whose meter is disposed of says nothing any more.
        _listener.MeasurementsCompleted = (instrument, _) => _instruments.TryRemove(instrument, out var _);
        _listener.SetMeasurementEventCallback<byte>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<short>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<float>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, state) => Note(instrument, value, tags, state));
        _listener.SetMeasurementEventCallback<decimal>((instrument, value, tags, state) => Note(instrument, (double)value, tags, state));
        _listener.Start();
    }

    /// <summary>Every instrument with its series as they are now, in order of their names.</summary>
    public IEnumerable<MetricFamily> Collect()
    {
        _listener.RecordObservableInstruments();
        // Each database has an instrument of its own with the same name; in the text they are one family.
        return _instruments.GroupBy(entry => PrometheusText.NameOf(entry.Key), StringComparer.Ordinal)
            .Select(family => new MetricFamily(
                family.Key,
                family.First().Key.Description ?? "",
                IsSum(family.First().Key) ? "counter" : "gauge",
                [.. family.SelectMany(entry => entry.Value).GroupBy(series => series.Key, StringComparer.Ordinal)
                    .Select(series => new Series(series.Key, series.Sum(one => one.Value.Value)))
                    .OrderBy(series => series.Labels, StringComparer.Ordinal)]))
            .Where(family => family.Series.Count > 0)
            .OrderBy(family => family.Name, StringComparer.Ordinal);
    }

    public void Dispose() => _listener.Dispose();

    private static bool IsWanted(Instrument instrument)
    {
        var meter = instrument.Meter.Name;
        // Durations of garbage collection and the like come as histograms, which nothing here adds up.
        if (instrument.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Histogram<>)) return false;
        return meter == Runtimes || meter == Ours || meter.StartsWith(Ours + ".", StringComparison.Ordinal);
    }

    private static void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var series = (ConcurrentDictionary<string, Cell>)state!;
        var labels = PrometheusText.Labels(tags);
        if (!series.TryGetValue(labels, out var cell))
        {
            if (series.Count >= SeriesPerInstrumentMax) return;
            cell = series.GetOrAdd(labels, _ => new Cell());
        }
        if (IsDelta(instrument)) cell.Add(value);
        else cell.Set(value);
    }

    private static bool IsDelta(Instrument instrument) => Is(instrument, typeof(Counter<>)) || Is(instrument, typeof(UpDownCounter<>));

    private static bool IsSum(Instrument instrument) => Is(instrument, typeof(Counter<>)) || Is(instrument, typeof(ObservableCounter<>));

    private static bool Is(Instrument instrument, Type kind) =>
        instrument.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == kind;

    private sealed class Cell
    {
        private double _value;

        public double Value => Volatile.Read(ref _value);

        public void Set(double value) => Volatile.Write(ref _value, value);

        public void Add(double value)
        {
            while (true)
            {
                var before = Volatile.Read(ref _value);
                if (Interlocked.CompareExchange(ref _value, before + value, before) == before) return;
            }
        }
    }
}

/// <param name="Labels">As they are written, with their braces; empty without any.</param>
internal readonly record struct Series(string Labels, double Value);

/// <param name="Kind"><c>counter</c> or <c>gauge</c>.</param>
internal sealed record MetricFamily(string Name, string Help, string Kind, IReadOnlyList<Series> Series);
