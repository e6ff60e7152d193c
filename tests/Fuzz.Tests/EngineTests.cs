using System.Text;
using Xunit;

namespace Posthorn.Fuzz.Tests;

public sealed class EngineTests
{
    [Fact]
    public void The_same_seed_makes_the_same_inputs()
    {
        byte[] Inputs(int seed)
        {
            var mutator = new Mutator(new Random(seed), ["word"], 100);
            return [.. Enumerable.Range(0, 50).SelectMany(_ => mutator.Mutate("some input 12"u8.ToArray(), [[1, 2, 3]]))];
        }

        Assert.Equal(Inputs(7), Inputs(7));
        Assert.NotEqual(Inputs(7), Inputs(8));
    }

    [Fact]
    public void An_input_does_not_grow_beyond_what_its_target_takes()
    {
        var mutator = new Mutator(new Random(1), ["a word"], 64);
        byte[] input = [];
        for (var i = 0; i < 2_000; i++)
        {
            input = mutator.Mutate(input, [input]);
            Assert.InRange(input.Length, 0, 64);
        }
    }

    [Fact]
    public void A_finding_is_made_as_small_as_its_reason_allows()
    {
        var target = new Picky();
        var finding = Finding.Try(target, Encoding.ASCII.GetBytes(new string('x', 500) + "<" + new string('y', 300) + ">" + new string('z', 77)));
        Assert.Equal("<>", Encoding.ASCII.GetString(finding!.Minimise(target).Input));
    }

    [Fact]
    public void An_input_that_takes_too_much_memory_is_a_finding()
    {
        var finding = Finding.Try(new Picky(), "memory"u8.ToArray());
        Assert.Equal("memory", finding!.Key);
    }

    /// <summary>Fails on an opening mark before a closing one, and on a word.</summary>
    private sealed class Picky : Target
    {
        public override string Name => "picky";

        public override IReadOnlyList<string> Words => [];

        public override IReadOnlyList<ParserSource> Parser => [];

        public override void Run(ReadOnlyMemory<byte> input)
        {
            var open = input.Span.IndexOf((byte)'<');
            Oracle.Holds(open < 0 || input.Span[open..].IndexOf((byte)'>') < 0, "no marks");
            if (input.Span.SequenceEqual("memory"u8)) GC.KeepAlive(new byte[100 * 1024 * 1024]);
        }
    }
}
