using System.IO.MemoryMappedFiles;

namespace Posthorn.Fuzz;

/// <summary>The input that is being run, in a file that outlives this process: a stack overflow or an endless loop leaves it there.</summary>
internal sealed class CurrentInput : IDisposable
{
    private const int OctetsMax = 4 * 1024 * 1024;
    private static readonly TimeSpan RunMax = TimeSpan.FromSeconds(60);

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Timer _watch;
    private long _runs;
    private long _seen;

    public CurrentInput(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, OctetsMax + sizeof(int));
        _view = _file.CreateViewAccessor();
        _watch = new Timer(_ => Watch(), null, RunMax, RunMax);
    }

    public void Set(byte[] input)
    {
        Interlocked.Increment(ref _runs);
        _view.Write(0, input.Length);
        _view.WriteArray(sizeof(int), input, 0, Math.Min(input.Length, OctetsMax));
    }

    /// <summary>What a process that is gone was running.</summary>
    public static byte[] Read(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        return reader.ReadBytes(reader.ReadInt32());
    }

    public void Dispose()
    {
        _watch.Dispose();
        _view.Dispose();
        _file.Dispose();
    }

    // The same input as at the last look: it does not end.
    private void Watch()
    {
        var runs = Interlocked.Read(ref _runs);
        if (runs == _seen) Environment.FailFast($"the input has been running for more than {RunMax.TotalSeconds} s");
        _seen = runs;
    }
}
