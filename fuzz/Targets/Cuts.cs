using System.Buffers;

namespace Posthorn.Fuzz;

/// <summary>Inputs as a pipe would have them, in more than one segment.</summary>
internal static class Cuts
{
    public static ReadOnlySequence<byte> InTwo(ReadOnlyMemory<byte> input, int at)
    {
        var first = new Segment(input[..at], 0);
        var last = first.Append(input[at..]);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
