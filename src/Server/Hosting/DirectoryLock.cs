using Microsoft.Win32.SafeHandles;

namespace Posthorn.Server;

/// <summary>One process for a data directory, whichever database it uses.</summary>
/// <remarks>The system lets go of the lock when the process ends, however it ends.</remarks>
internal sealed class DirectoryLock : IAsyncDisposable
{
    public const string FileName = "posthorn.lock";

    private readonly SafeFileHandle _handle;

    private DirectoryLock(SafeFileHandle handle) => _handle = handle;

    /// <exception cref="CommandFailedException">Somebody else has it.</exception>
    public static DirectoryLock Take(string directory)
    {
        try
        {
            return new DirectoryLock(File.OpenHandle(
                Path.Combine(directory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new CommandFailedException($"another posthorn uses {directory}: a server is running on it", e);
        }
    }

    public ValueTask DisposeAsync()
    {
        _handle.Dispose();
        return ValueTask.CompletedTask;
    }
}
