using System.Buffers.Binary;
using System.Text;

namespace Posthorn.Delivery;

/// <summary>A message while milters look at it: its header as a list of fields, its body where it can be read again.</summary>
internal sealed class MilteredMessage : IAsyncDisposable
{
    private const int BlockOctets = 64 * 1024;

    private readonly List<Field> _fields = [];
    private readonly long _octetsMax;
    private Stream _body;
    private long _bodyStart;
    private Stream? _replacement;

    private MilteredMessage(Stream body, long bodyStart, long octetsMax) => (_body, _bodyStart, _octetsMax) = (body, bodyStart, octetsMax);

    /// <summary>Something is not as it came.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Why an operator should look at it first; null when nobody asked for that.</summary>
    public string? Quarantine { get; private set; }

    public IReadOnlyList<Field> Fields => _fields;

    /// <param name="header">Up to and with the empty line.</param>
    /// <param name="rest">What follows it, which is read here to its end.</param>
    public static async ValueTask<MilteredMessage> ReadAsync(ReadOnlyMemory<byte> header, Stream rest, long octetsMax, CancellationToken ct)
    {
        var body = Spool();
        try
        {
            await rest.CopyToAsync(body, BlockOctets, ct);
            var message = new MilteredMessage(body, 0, octetsMax);
            message.Parse(header.Span);
            return message;
        }
        catch
        {
            await body.DisposeAsync();
            throw;
        }
    }

    /// <summary>The header as it is now, with the empty line.</summary>
    public byte[] Header()
    {
        var header = new MemoryStream();
        foreach (var field in _fields)
        {
            header.Write(field.Name);
            header.WriteByte((byte)':');
            header.Write(field.Value);
            header.Write("\r\n"u8);
        }
        header.Write("\r\n"u8);
        return header.ToArray();
    }

    /// <summary>The body from its start. It stays this object's.</summary>
    public Stream Body()
    {
        _body.Position = _bodyStart;
        return _body;
    }

    /// <summary>Does what a milter asks for at the end of the message.</summary>
    /// <exception cref="InvalidDataException">It is none of what was negotiated.</exception>
    public void Apply(char command, ReadOnlySpan<byte> data)
    {
        switch (command)
        {
            case 'h' when TryPair(data, out var name, out var value):
                Insert(_fields.Count, new Field(name, OnTheWire(value)));
                break;
            case 'i' when data.Length > 4 && TryPair(data[4..], out var name, out var value):
                Insert((int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(data), (uint)_fields.Count), new Field(name, OnTheWire(value)));
                break;
            case 'm' when data.Length > 4 && TryPair(data[4..], out var name, out var value):
                Change(BinaryPrimitives.ReadUInt32BigEndian(data), name, value);
                break;
            case 'b':
                Replace(data);
                break;
            case 'q':
                var text = Encoding.UTF8.GetString(data.TrimEnd((byte)0));
                Quarantine = string.Concat(text.Take(200).Select(static c => char.IsControl(c) ? ' ' : c));
                break;
            default:
                throw new InvalidDataException($"the milter answered with what nobody asked it for: {(byte)command}");
        }
    }

    /// <summary>A milter has said everything: a body that it sent takes the place of the old one.</summary>
    public async ValueTask SettleAsync()
    {
        if (_replacement is null) return;
        await _body.DisposeAsync();
        (_body, _bodyStart, _replacement) = (_replacement, 0, null);
    }

    public async ValueTask DisposeAsync()
    {
        await _body.DisposeAsync();
        if (_replacement is not null) await _replacement.DisposeAsync();
    }

    // In a file without a name: messages may be long, and memory is not for them.
    private static FileStream Spool()
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(Path.Combine(Path.GetTempPath(), "posthorn-" + Guid.NewGuid().ToString("N")), options);
    }

    private void Parse(ReadOnlySpan<byte> header)
    {
        while (!header.IsEmpty && !header.StartsWith("\r\n"u8))
        {
            var end = 0;
            do
            {
                var line = header[end..].IndexOf("\r\n"u8);
                end = line < 0 ? header.Length : end + line + 2;
            }
            while (end < header.Length && header[end] is (byte)' ' or (byte)'\t');
            var field = header[..end];
            if (field.EndsWith("\r\n"u8)) field = field[..^2];
            var colon = field.IndexOf((byte)':');
            _fields.Add(colon < 0 ? new Field(field.ToArray(), []) : new Field(field[..colon].ToArray(), field[(colon + 1)..].ToArray()));
            header = header[end..];
        }
    }

    private void Insert(int at, Field field)
    {
        if (_fields.Count >= DeliveryLimits.MilterFieldsMax) throw new InvalidDataException("the milter adds too many fields");
        _fields.Insert(at, field);
        IsChanged = true;
    }

    // The so-and-so-manieth field of a name; an empty value takes it out, one that is not there is added.
    private void Change(uint index, byte[] name, ReadOnlySpan<byte> value)
    {
        IsChanged = true;
        for (var at = 0; at < _fields.Count; at++)
        {
            if (!Ascii.EqualsIgnoreCase(_fields[at].Name, name) || --index > 0) continue;
            if (value.IsEmpty) _fields.RemoveAt(at);
            else _fields[at] = new Field(_fields[at].Name, OnTheWire(value));
            return;
        }
        if (!value.IsEmpty) Insert(_fields.Count, new Field(name, OnTheWire(value)));
    }

    private void Replace(ReadOnlySpan<byte> data)
    {
        _replacement ??= Spool();
        if (_replacement.Length + data.Length > _octetsMax) throw new InvalidDataException("the milter's body is too long");
        _replacement.Write(data);
        IsChanged = true;
    }

    private static bool TryPair(ReadOnlySpan<byte> data, out byte[] name, out ReadOnlySpan<byte> value)
    {
        name = [];
        value = default;
        var first = data.IndexOf((byte)0);
        if (first <= 0) return false;
        var rest = data[(first + 1)..];
        var second = rest.IndexOf((byte)0);
        name = data[..first].ToArray();
        value = second < 0 ? rest : rest[..second];
        return !name.AsSpan().ContainsAnyExceptInRange((byte)'!', (byte)'~') && !name.Contains((byte)':');
    }

    // A milter folds with LF; a line that would not be a continuation becomes one, so that no field can be slipped in behind another.
    private static byte[] OnTheWire(ReadOnlySpan<byte> value)
    {
        var octets = new List<byte>(value.Length + 8);
        if (value.IsEmpty || value[0] is not ((byte)' ' or (byte)'\t')) octets.Add((byte)' ');
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\r') continue;
            if (value[i] != '\n')
            {
                octets.Add(value[i]);
                continue;
            }
            octets.AddRange("\r\n"u8);
            if (i + 1 < value.Length && value[i + 1] is not ((byte)' ' or (byte)'\t')) octets.Add((byte)'\t');
        }
        return [.. octets];
    }

    /// <param name="Value">What stands behind the colon, its folding included.</param>
    internal readonly record struct Field(byte[] Name, byte[] Value)
    {
        /// <summary>As milters read it: folds are LF, and the space in front is there if they want it.</summary>
        public byte[] ForMilter(bool leadingSpace)
        {
            var value = Value.AsSpan();
            if (!leadingSpace && value is [(byte)' ', ..]) value = value[1..];
            var octets = new List<byte>(Name.Length + value.Length + 2);
            octets.AddRange(Name);
            octets.Add(0);
            foreach (var octet in value)
            {
                if (octet is not ((byte)'\r' or 0)) octets.Add(octet);
            }
            octets.Add(0);
            return [.. octets];
        }
    }
}
