using System.IO.Compression;
using System.IO.Pipelines;

namespace Posthorn.Wire;

/// <summary>Compression between a speaker and its connection: one window each way, about 300 KB together, and no buffer that grows.</summary>
internal sealed class DeflateLayer : IAsyncDisposable
{
    private const int BufferOctets = 16 * 1024;

    private readonly Stream _below;
    private readonly DeflateStream _inflating;
    private readonly DeflateStream _deflating;

    /// <param name="below">TLS, or the transport; it stays open.</param>
    public DeflateLayer(Stream below)
    {
        _below = below;
        _inflating = new DeflateStream(below, CompressionMode.Decompress, leaveOpen: true);
        _deflating = new DeflateStream(below, CompressionLevel.Fastest, leaveOpen: true);
        Input = PipeReader.Create(_inflating, new StreamPipeReaderOptions(bufferSize: BufferOctets, leaveOpen: true, useZeroByteReads: true));
        Output = PipeWriter.Create(_deflating, new StreamPipeWriterOptions(leaveOpen: true));
    }

    public PipeReader Input { get; }

    /// <summary>Each flush ends at an octet's boundary, so that the peer can read all of it.</summary>
    public PipeWriter Output { get; }

    public async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync();
        await Output.CompleteAsync();
        await _inflating.DisposeAsync();
        try
        {
            await _deflating.DisposeAsync();
        }
        catch (Exception e) when (WireConnection.IsGone(e, CancellationToken.None) || e is InvalidOperationException)
        {
            // It writes its last block, which nobody reads any more.
        }
        if (_below is DuplexStream) await _below.DisposeAsync();
    }
}
