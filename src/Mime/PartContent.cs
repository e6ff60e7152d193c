using System.Text;
using MimeKit.Encodings;

namespace Posthorn.Mime;

/// <summary>A part's content without its transfer encoding (RFC 2045 §6), and its text without its charset.</summary>
public static class PartContent
{
    /// <summary>A stream of the decoded octets. Lenient: octets that are not of the encoding are skipped, as RFC 2045 §6.8 asks.</summary>
    /// <param name="encoded">The body as it stands in the message; disposed with the result.</param>
    /// <param name="encoding">The token of Content-Transfer-Encoding, in any case.</param>
    public static Stream Open(Stream encoded, string encoding) =>
        TransferEncoding.Decoder(Encoding.ASCII.GetBytes(encoding)) is { } decoder ? new DecodingStream(encoded, decoder) : encoded;

    /// <summary>Whether anybody here knows how to take this encoding off; the identity is known, too (RFC 2045 §6.1).</summary>
    public static bool IsKnown(string encoding) => encoding.ToLowerInvariant() is "7bit" or "8bit" or "binary"
        || TransferEncoding.Decoder(Encoding.ASCII.GetBytes(encoding)) is not null;

    /// <summary>The decoded octets of a body in memory.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> encoded, ReadOnlySpan<byte> encoding)
    {
        if (TransferEncoding.Decoder(encoding) is not { } decoder) return encoded.ToArray();
        var output = new byte[decoder.EstimateOutputLength(encoded.Length)];
        var length = decoder.Decode(encoded.ToArray(), 0, encoded.Length, output);
        return output.AsSpan(0, length).ToArray();
    }

    /// <summary>The text of a body in memory.</summary>
    public static string DecodeText(ReadOnlySpan<byte> encoded, ReadOnlySpan<byte> encoding, ReadOnlySpan<char> charset) =>
        Charsets.Decode(Decode(encoded, encoding), charset);

    /// <summary>The charset parameter of a part; empty when it has none.</summary>
    public static string Charset(PartView part) => part.Parameters.TryFind("charset"u8, out var value) ? Encoding.ASCII.GetString(value) : "";

    /// <summary>The name that a client should give the part's file, decoded; null when it has none.</summary>
    public static string? FileName(PartView part) =>
        HeaderText.DecodeParameter(part.DispositionParameters, "filename") ?? HeaderText.DecodeParameter(part.Parameters, "name");

    private sealed class DecodingStream(Stream source, IMimeDecoder decoder) : Stream
    {
        private const int BlockOctets = 8 * 1024;

        private readonly byte[] _input = new byte[BlockOctets];
        private byte[] _output = [];
        private int _start;
        private int _end;
        private bool _done;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            while (_start == _end && !_done) Decoded(source.Read(_input));
            return Take(buffer);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (_start == _end && !_done) Decoded(await source.ReadAsync(_input, cancellationToken));
            return Take(buffer.Span);
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) source.Dispose();
            base.Dispose(disposing);
        }

        private void Decoded(int read)
        {
            _done = read == 0;
            var room = decoder.EstimateOutputLength(read);
            if (_output.Length < room) _output = new byte[room];
            _start = 0;
            _end = _done ? 0 : decoder.Decode(_input, 0, read, _output);
        }

        private int Take(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, _end - _start);
            _output.AsSpan(_start, count).CopyTo(buffer);
            _start += count;
            return count;
        }
    }
}
