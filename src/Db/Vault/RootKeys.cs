using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>
/// The file of root keys: a line for each, <c>posthorn-root-key NAME BASE64</c>, the newest last. The name is the beginning of
/// a hash of the key, so that a wrong key cannot pass for the right one. Written whole beside the old file, synced, renamed
/// over it; readable by its owner only.
/// </summary>
internal sealed class RootKeys : IDisposable
{
    public const int KeyBytes = 32;
    private const int FileBytesMax = 16 * 1024;
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly ILogger _log;

    // Keys that have left the file are kept until the end: a reader may still hold a snapshot from before the rotation.
    private readonly Dictionary<string, byte[]> _keys = new(StringComparer.Ordinal);
    private List<string> _inFile = [];

    private RootKeys(string path, ILogger log) => (_path, _log) = (path, log);

    public string Newest
    {
        get
        {
            lock (_gate) return _inFile[^1];
        }
    }

    /// <summary>For errors: what the file has.</summary>
    public string Contents
    {
        get
        {
            lock (_gate) return _inFile.Count == 0 ? $"{_path} is missing" : $"{_path} holds only {string.Join(", ", _inFile)}";
        }
    }

    /// <param name="mayCreate">True when nothing is sealed yet.</param>
    public static RootKeys Open(string path, bool mayCreate, ILogger log)
    {
        var roots = new RootKeys(path, log);
        if (File.Exists(path)) roots.Reload();
        else if (mayCreate) roots.Add();
        return roots;
    }

    public bool Knows(string name)
    {
        lock (_gate) return _keys.ContainsKey(name);
    }

    public ReadOnlySpan<byte> Get(string name)
    {
        lock (_gate) return _keys[name];
    }

    /// <summary>Makes a new key, the newest from now on. It is on disk when this returns.</summary>
    public void Add()
    {
        var key = GC.AllocateArray<byte>(KeyBytes, pinned: true);
        RandomNumberGenerator.Fill(key);
        var name = NameOf(key);
        lock (_gate)
        {
            _keys.Add(name, key);
            Write([.. _inFile, name]);
        }

        Log.RootKeyMade(_log, name, _path);
    }

    /// <summary>Takes the keys before the newest out of the file.</summary>
    public void KeepNewest()
    {
        lock (_gate)
        {
            if (_inFile.Count > 1) Write([_inFile[^1]]);
        }
    }

    /// <summary>Reads the file again: another node, or the operator, may have changed it.</summary>
    public void Reload()
    {
        var bytes = GC.AllocateUninitializedArray<byte>(FileBytesMax, pinned: true);
        try
        {
            int length;
            using (var file = File.OpenHandle(_path))
            {
                length = RandomAccess.Read(file, bytes, 0);
                if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & ~Private) is var open and not 0)
                    Log.RootKeyReadable(_log, _path, open.ToString());
            }

            lock (_gate)
            {
                var parsed = Parse(bytes.AsSpan(0, length));
                foreach (var (name, key) in parsed)
                {
                    if (!_keys.TryAdd(name, key)) CryptographicOperations.ZeroMemory(key);
                }

                _inFile = parsed.ConvertAll(k => k.Name);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new VaultLockedException($"The root keys cannot be read: {error.Message}", error);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var key in _keys.Values) CryptographicOperations.ZeroMemory(key);
            _keys.Clear();
        }
    }

    private static string NameOf(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, "posthorn root key"u8, hash);
        return Convert.ToHexStringLower(hash[..8]);
    }

    private List<(string Name, byte[] Key)> Parse(ReadOnlySpan<byte> text)
    {
        var keys = new List<(string, byte[])>();
        var number = 0;
        foreach (var range in text.Split((byte)'\n'))
        {
            number++;
            var line = text[range].TrimEnd("\r "u8);
            if (line.IsEmpty || line[0] == '#') continue;
            if (!TryParseLine(line, out var name, out var key))
                throw new VaultLockedException($"{_path}, line {number}, is not a root key: posthorn-root-key NAME BASE64");
            if (name != NameOf(key))
                throw new VaultLockedException($"{_path}, line {number}: the key is not the one that is named {name}; it is damaged");
            keys.Add((name, key));
        }

        return keys.Count > 0 ? keys : throw new VaultLockedException($"{_path} holds no root key");
    }

    private static bool TryParseLine(ReadOnlySpan<byte> line, out string name, out byte[] key)
    {
        name = string.Empty;
        key = GC.AllocateArray<byte>(KeyBytes, pinned: true);
        var head = "posthorn-root-key "u8;
        if (!line.StartsWith(head)) return false;
        line = line[head.Length..];
        var blank = line.IndexOf((byte)' ');
        if (blank < 0) return false;
        name = Encoding.ASCII.GetString(line[..blank]);
        Span<byte> decoded = stackalloc byte[KeyBytes + 3];
        var status = Base64.DecodeFromUtf8(line[(blank + 1)..], decoded, out _, out var written);
        if (status == System.Buffers.OperationStatus.Done && written == KeyBytes) decoded[..KeyBytes].CopyTo(key);
        CryptographicOperations.ZeroMemory(decoded);
        return status == System.Buffers.OperationStatus.Done && written == KeyBytes;
    }

    private void Write(List<string> names)
    {
        var bytes = GC.AllocateArray<byte>(FileBytesMax, pinned: true);
        try
        {
            var length = 0;
            foreach (var name in names)
            {
                length += Encoding.ASCII.GetBytes($"posthorn-root-key {name} ", bytes.AsSpan(length));
                Base64.EncodeToUtf8(_keys[name], bytes.AsSpan(length), out _, out var written);
                length += written;
                bytes[length++] = (byte)'\n';
            }

            Replace(bytes.AsSpan(0, length));
            _inFile = names;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new VaultLockedException($"The root keys cannot be written to {_path}: {error.Message}", error);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private void Replace(ReadOnlySpan<byte> contents)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(_path))!;
        if (!System.IO.Directory.Exists(directory)) Create(directory);
        var beside = _path + ".new";
        File.Delete(beside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = Private;
        using (var file = new FileStream(beside, options))
        {
            file.Write(contents);
            if (Posix.SyncData(file.SafeFileHandle) is not 0 and var error)
                throw new IOException($"{beside} could not be synced to disk (error {error})");
        }

        File.Move(beside, _path, overwrite: true);
        if (Posix.SyncDirectory(directory) is not 0 and var failed)
            throw new IOException($"{directory} could not be synced to disk (error {failed})");
    }

    private static void Create(string directory)
    {
        if (OperatingSystem.IsWindows()) System.IO.Directory.CreateDirectory(directory);
        else System.IO.Directory.CreateDirectory(directory, Private | UnixFileMode.UserExecute);
        _ = Posix.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory))!);
    }
}
