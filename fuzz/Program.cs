using System.Globalization;
using System.Text;
using Posthorn.Fuzz;
using SharpFuzz;
using Fuzzer = SharpFuzz.Fuzzer;

// instrument edges|lines            rewrites the rooms' assemblies beside a copy of this one
// run TARGET [--seconds N] [--seed S] [--keep] [--no-seeds]
// coverage TARGET                   after "instrument lines"
// rescue TARGET                     the input that a run ended on, when the process could not say
// list
try
{
    return args switch
    {
        ["list"] => List(),
        ["instrument", "edges", var folder] => InstrumentEdges(folder),
        ["instrument", "lines", var folder] => InstrumentLines(folder),
        ["run", var name, .. var options] => new Run(Find(name), options).Execute(),
        ["coverage", var name] => Coverage(Find(name)),
        ["rescue", var name] => Rescue(Find(name)),
        _ => throw new ArgumentException("usage: list | instrument edges|lines FOLDER | run TARGET … | coverage TARGET | rescue TARGET"),
    };
}
catch (ArgumentException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 2;
}

static Target Find(string name) => Target.All.FirstOrDefault(t => t.Name == name)
    ?? throw new ArgumentException($"'{name}' is none of {string.Join(", ", Target.All.Select(t => t.Name))}");

static int List()
{
    foreach (var target in Target.All) Console.WriteLine(target.Name);
    return 0;
}

// The program's own assembly is named as its executable is.
static IEnumerable<string> Rooms(string folder) => Directory.EnumerateFiles(folder, "Posthorn.*.dll").Append(Path.Combine(folder, "posthorn.dll"))
    .Where(f => Path.GetFileName(f) != "Posthorn.Fuzz.dll").Order(StringComparer.Ordinal);

static int InstrumentEdges(string folder)
{
    foreach (var room in Rooms(folder)) Fuzzer.Instrument(room, static _ => true, Options.Value);
    return 0;
}

static int InstrumentLines(string folder)
{
    var points = new List<string>();
    foreach (var room in Rooms(folder)) LineCoverage.Instrument(room, points);
    File.WriteAllLines(Path.Combine(folder, Places.Points), points);
    return 0;
}

static int Coverage(Target target)
{
    var seeds = target.Seeds(Places.Seeds).ToList();
    foreach (var (_, octets) in seeds) target.Run(octets);
    var files = LineCoverage.Report(target, Places.Root, File.ReadLines(Path.Combine(AppContext.BaseDirectory, Places.Points)));
    foreach (var file in files)
    {
        var missed = string.Join(' ', file.Missed);
        Console.WriteLine(
            $"{Percent(file.LinesHit, file.Lines),6} {file.LinesHit,4}/{file.Lines,-4} {file.File}{(missed.Length > 0 ? "  not: " : "")}{missed}");
    }
    var (lines, hit) = (files.Sum(f => f.Lines), files.Sum(f => f.LinesHit));
    var statements = Percent(files.Sum(f => f.StatementsHit), files.Sum(f => f.Statements));
    Console.WriteLine($"{target.Name}: {Percent(hit, lines)} % of {lines} lines, {statements} % of the statements, by {seeds.Count} seeds");
    return 100 * hit >= 90 * lines ? 0 : 1;
}

static string Percent(int part, int whole) => (100.0 * part / whole).ToString("F1", CultureInfo.InvariantCulture);

static int Rescue(Target target)
{
    var finding = new Finding(CurrentInput.Read(Places.Current(target)), "end", "The process ended, or had to be ended, while it ran this input.");
    Console.WriteLine($"the last input: {finding.Save(Places.Findings(target))}");
    return 1;
}
