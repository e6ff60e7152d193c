using System.Buffers;

namespace Posthorn.Smtp.Tests;

/// <summary>Octets as they lie in a pipe: in more than one piece.</summary>
internal static class Cut
{
    public static ReadOnlySequence<byte> InTwo(ReadOnlyMemory<byte> octets, int at)
    {
        var first = new Piece(octets[..at], 0);
        var second = new Piece(octets[at..], at);
        first.Append(second);
        return new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> octets, long before) => (Memory, RunningIndex) = (octets, before);

        public void Append(Piece next) => Next = next;
    }
}
