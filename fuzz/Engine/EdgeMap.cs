using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Posthorn.Fuzz;

/// <summary>The map in which instrumented code counts the edges between its branches, and what has been seen in it so far.</summary>
/// <remarks>There is one map in a process: the instrumented code knows it by a static field, and needs it from its first line on.</remarks>
internal sealed unsafe class EdgeMap
{
    private const int Cells = 64 * 1024; // what SharpFuzz's instrumentation addresses

    private static readonly byte[] Buckets = MakeBuckets();

    private readonly byte[] _seen = new byte[Cells];

    /// <summary>Edges that any input has reached.</summary>
    public int Reached { get; private set; }

    private static Span<byte> Map => new(Trace.SharedMem, Cells);

    /// <summary>Before any instrumented code runs.</summary>
    [ModuleInitializer]
    internal static void Open() => Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(Cells);

    public void Clear()
    {
        Map.Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Adds what the last run counted. True when it reached an edge that none had, or one a new number of times.</summary>
    public bool Learn()
    {
        var news = false;
        var words = MemoryMarshal.Cast<byte, Vector<byte>>(Map);
        for (var w = 0; w < words.Length; w++)
        {
            if (words[w] == Vector<byte>.Zero) continue;
            for (var i = w * Vector<byte>.Count; i < (w + 1) * Vector<byte>.Count; i++)
            {
                var bucket = Buckets[Trace.SharedMem[i]];
                if ((bucket & ~_seen[i]) == 0) continue;
                if (_seen[i] == 0) Reached++;
                _seen[i] |= bucket;
                news = true;
            }
        }
        return news;
    }

    /// <summary>The edges of the last run.</summary>
    public List<int> Edges()
    {
        var edges = new List<int>();
        for (var i = 0; i < Cells; i++)
        {
            if (Trace.SharedMem[i] != 0) edges.Add(i);
        }
        return edges;
    }

    // AFL's: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more, each a bit.
    private static byte[] MakeBuckets()
    {
        var buckets = new byte[256];
        for (var count = 1; count < 256; count++)
        {
            buckets[count] = (byte)(count switch { 1 => 1, 2 => 2, 3 => 4, < 8 => 8, < 16 => 16, < 32 => 32, < 128 => 64, _ => 128 });
        }
        return buckets;
    }
}
