using System.Runtime.CompilerServices;
using dnlib.DotNet;
using dnlib.DotNet.Emit;

namespace Posthorn.Fuzz;

/// <summary>Counts the lines of a parser that ran. Its assemblies are copies in which each sequence point marks itself.</summary>
public static class LineCoverage
{
    private const int HiddenLine = 0xFEEFEE;

    private static byte[] _hits = new byte[1024];

    /// <summary>Instrumented code calls this.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Hit(int point)
    {
        if (point >= _hits.Length) Array.Resize(ref _hits, Math.Max(point + 1, _hits.Length * 2));
        _hits[point] = 1;
    }

    /// <summary>Rewrites an assembly in its place.</summary>
    /// <param name="points">Gets a line for each point: file, line, method.</param>
    internal static void Instrument(string path, List<string> points)
    {
        var options = new ModuleCreationOptions { PdbFileOrData = File.ReadAllBytes(Path.ChangeExtension(path, ".pdb")) };
        using var module = ModuleDefMD.Load(File.ReadAllBytes(path), options);
        var hit = module.Import(typeof(LineCoverage).GetMethod(nameof(Hit)));
        foreach (var method in module.GetTypes().SelectMany(t => t.Methods).Where(m => m.HasBody))
        {
            var body = method.Body;
            body.SimplifyBranches();
            body.SimplifyMacros(method.Parameters);
            foreach (var instruction in body.Instructions.ToArray())
            {
                if (instruction.SequencePoint is not { } point || point.StartLine == HiddenLine) continue;
                Mark(body, instruction, hit, points.Count);
                points.Add($"{points.Count}\t{point.Document.Url}\t{point.StartLine}\t{point.EndLine}\t{MethodName(method)}");
            }
            body.OptimizeMacros();
            body.OptimizeBranches();
            body.KeepOldMaxStack = false;
        }
        module.Write(path);
    }

    /// <summary>What ran, file by file.</summary>
    /// <param name="points">As <see cref="Instrument"/> wrote them.</param>
    internal static List<FileCoverage> Report(Target target, string root, IEnumerable<string> points)
    {
        var files = new SortedDictionary<string, FileCoverage>(StringComparer.Ordinal);
        foreach (var fields in points.Select(p => p.Split('\t')))
        {
            var file = Path.GetRelativePath(root, fields[1]).Replace('\\', '/');
            if (!target.Parser.Any(source => Covers(source, file, fields[4]))) continue;
            if (!files.TryGetValue(file, out var of)) files[file] = of = new FileCoverage(file);
            var hit = int.Parse(fields[0]) is var point && point < _hits.Length && _hits[point] != 0;
            of.Add(int.Parse(fields[2]), int.Parse(fields[3]), hit);
        }
        return [.. files.Values];
    }

    // What stood at the instruction, its operation, moves one down, so that branches and handlers, which know the instruction, pass the mark.
    private static void Mark(CilBody body, Instruction instruction, IMethod hit, int point)
    {
        var moved = new Instruction(instruction.OpCode, instruction.Operand);
        var index = body.Instructions.IndexOf(instruction);
        instruction.OpCode = OpCodes.Ldc_I4;
        instruction.Operand = point;
        body.Instructions.Insert(index + 1, Instruction.Create(OpCodes.Call, hit));
        body.Instructions.Insert(index + 2, moved);
    }

    // Of the method that was written: what the compiler made of lambdas, iterators and async methods goes by its name.
    private static string MethodName(MethodDef method)
    {
        foreach (var name in (string[])[method.Name, method.DeclaringType.Name])
        {
            if (name.StartsWith('<') && name.IndexOf('>', StringComparison.Ordinal) is > 1 and var end) return name[1..end];
        }
        return method.Name;
    }

    // Whole words only: Expect begins ExpectFlags, and not Expected.
    private static bool Begins(string method, string words) =>
        method.StartsWith(words, StringComparison.Ordinal) && (method.Length == words.Length || char.IsAsciiLetterUpper(method[words.Length]));

    private static bool Covers(ParserSource source, string file, string method)
    {
        var star = source.Files.IndexOf('*', StringComparison.Ordinal);
        var matches = star < 0 ? source.Files == file
            : file.Length >= source.Files.Length - 1 && file.StartsWith(source.Files[..star], StringComparison.Ordinal)
              && file.EndsWith(source.Files[(star + 1)..], StringComparison.Ordinal) && file.LastIndexOf('/') < star;
        return matches && (source.Methods.Length == 0 || source.Methods.Any(m => Begins(method, m)));
    }
}

/// <summary>A file's lines that hold code: a line ran when a statement on it did. Statements are counted beside.</summary>
internal sealed class FileCoverage(string file)
{
    private readonly SortedDictionary<int, bool> _lines = [];

    public string File => file;

    public int Lines => _lines.Count;

    public int LinesHit => _lines.Count(l => l.Value);

    public int Statements { get; private set; }

    public int StatementsHit { get; private set; }

    public IEnumerable<int> Missed => _lines.Where(l => !l.Value).Select(l => l.Key);

    public void Add(int first, int last, bool hit)
    {
        Statements++;
        if (hit) StatementsHit++;
        for (var line = first; line <= last; line++) _lines[line] = _lines.GetValueOrDefault(line) || hit;
    }
}
