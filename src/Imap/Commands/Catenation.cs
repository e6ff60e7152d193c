using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Puts a message together (RFC 4469 §3): its pieces go through one after the other, none is held as a whole.</summary>
internal sealed class Catenation(ImapSession session, IncomingMessages incoming)
{
    public async ValueTask<(StagedMessage? Message, Reply? Refusal)> StageAsync(IReadOnlyList<MessagePiece> pieces, CancellationToken ct)
    {
        await using var stream = new PieceStream();
        var length = 0L;
        foreach (var piece in pieces)
        {
            var added = piece.Literal is { } literal
                ? await AddAsync(stream, literal, ct)
                : await AddAsync(stream, piece.Url, ct);
            if (added is not { } octets) return (null, Reply.No("the URL leads to no part of a message", $"BADURL {Shown(piece.Url)}"));
            length += octets;
            if (length > session.Server.Settings.MessageOctetsMax) return (null, Reply.No("the message is larger than this server takes", "TOOBIG"));
        }
        if (length == 0) return (null, Reply.No("a message has at least one octet"));
        return (await session.Server.Store.StageAsync(stream, ct), null);
    }

    private async ValueTask<long?> AddAsync(PieceStream stream, LiteralRef literal, CancellationToken ct)
    {
        if (literal.Octets is { } octets)
        {
            stream.Add(octets);
            return octets.Length;
        }
        var staged = incoming[literal.Number];
        stream.Add(await session.Server.Store.OpenAsync(staged, ct), 0, staged.Length);
        return staged.Length;
    }

    // Null when the URL leads nowhere. RFC 4469 §3: \Seen is not set.
    private async ValueTask<long?> AddAsync(PieceStream stream, string url, CancellationToken ct)
    {
        if (!MessageUrl.TryParse(url, out var parsed)) return null;
        var source = await SectionSource.OpenAsync(session.Server.Store, session.Account, parsed, session.Selected?.View, ct);
        if (source is null) return null;
        if (source.Octets is { } octets)
        {
            stream.Add(octets);
            return octets.Length;
        }
        stream.Add(source.Message!, source.Start, source.Length);
        return source.Length;
    }

    // RFC 4469 §5 url-resp-text: no bracket, no line end, in quotes as the examples have it.
    private static string Shown(string url) => "\"" + string.Concat(url.Where(c => c is > ' ' and < (char)0x7F and not ('"' or '\\' or ']'))) + "\"";

    // Pieces one after the other.
    private sealed class PieceStream : Stream
    {
        private readonly Queue<(ReadOnlyMemory<byte> Octets, StoredMessage? Message, long Start, long Length)> _pieces = new();
        private long _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Add(ReadOnlyMemory<byte> octets) => _pieces.Enqueue((octets, null, 0, octets.Length));

        /// <summary>Takes the message over.</summary>
        public void Add(StoredMessage message, long start, long length) => _pieces.Enqueue((default, message, start, length));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (!buffer.IsEmpty && _pieces.TryPeek(out var piece))
            {
                var count = (int)Math.Min(buffer.Length, piece.Length - _at);
                if (count == 0)
                {
                    piece.Message?.Dispose();
                    _pieces.Dequeue();
                    _at = 0;
                    continue;
                }
                if (piece.Message is null) piece.Octets.Slice((int)_at, count).CopyTo(buffer);
                else count = await piece.Message.ReadAsync(piece.Start + _at, buffer[..count], cancellationToken);
                if (count == 0) throw new EndOfStreamException("the message is shorter than its size says");
                _at += count;
                return count;
            }
            return 0;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a message is staged asynchronously");

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            foreach (var piece in _pieces) piece.Message?.Dispose();
            _pieces.Clear();
            base.Dispose(disposing);
        }
    }
}
