using CsCheck;
using Xunit;

namespace Posthorn.Mime.Tests.Hostile;

public sealed class FuzzTests
{
    // Pieces that mean something to a parser.
    private static readonly string[] Pieces =
    [
        "\r\n", "\n", "\r", "--a", "--b", "--", "\r\n--a\r\n", "\r\n--b\r\n", "\r\n--a--\r\n", "\r\n--b--\r\n",
        "Content-Type: multipart/mixed; boundary=a\r\n",
        "Content-Type: multipart/digest; boundary=\"b\"\r\n", "Content-Type: message/rfc822\r\n", "Content-Type: text/rfc822-headers\r\n",
        "\r\n\r\n", " ", "\t",
        ":", "Subject: ", "x", "From: \"", "To: a@b, <@c:", "(", ")", ";", "\0", "\u00FC", "=?utf-8?Q?=C3", "?=", "=?utf-8?B?",
        "Content-Transfer-Encoding: base64\r\n", "From ", ">From ", "\u00EF\u00BB\u00BF", new string('y', 1000), new string('z', 4000),
        "Content-Disposition: attachment; filename*0*=utf-8''%",
    ];

    [Fact]
    public void Random_octets_are_messages() => Gen.Byte.Array[0, 300].Sample(
        octets =>
        {
            Everything(octets);
            HeaderText.Decode(octets);
            MessageIds.Parse(octets);
        },
        iter: 1_000);

    [Fact]
    public void Random_pieces_are_messages() =>
        Gen.Int[0, Pieces.Length - 1].Array[0, 40].Select(picks => string.Concat(picks.Select(pick => Pieces[pick])))
            .Sample(text => Everything(Structures.Bytes(text)), iter: 5_000);

    [Fact]
    public void Mutated_messages_are_messages()
    {
        var seeds = HostileMessages.Small.Select(small => Structures.Bytes(small.Message)).Where(seed => seed.Length > 0).ToArray();
        Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Select(Gen.Int[0, 10_000], Gen.Byte, Gen.Int[0, 3]).Array[1, 8]).Sample(
            (pick, changes) =>
            {
                var octets = seeds[pick].ToList();
                foreach (var (where, value, kind) in changes)
                {
                    var at = where % (octets.Count + 1);
                    if (kind == 0) octets.Insert(at, value);
                    else if (kind == 1 && at < octets.Count) octets.RemoveAt(at);
                    else if (kind == 2 && at < octets.Count) octets[at] = value;
                    else octets.InsertRange(at, octets.Take(Math.Min(at, 40)).ToArray());
                }
                Everything([.. octets]);
            },
            iter: 5_000);
    }

    [Fact]
    public void Damaged_columns_are_read_without_a_fault()
    {
        var summary = MessageReader.Read(Structures.Bytes(HostileMessages.Small.First(small => small.Name == "digest").Message));
        Gen.Select(Gen.Int[0, summary.Structure.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var damaged = summary.Structure.ToArray();
            damaged[at] = value;
            var view = new StructureView(damaged);
            foreach (var header in view.Headers) _ = header.Name.Length;
            view.TryFind("1.1"u8, out _);
            Walk(view.Root, 0);
            foreach (var address in new EnvelopeView(damaged).From) _ = address.IsGroupStart;
        });
    }

    private static void Everything(byte[] octets)
    {
        Structures.Read(octets);
        SearchText.Extract(octets);
        SubmissionHeaders.Read(octets);
        DeliveryStatusNotification.TryRead(octets, out _);
    }

    private static void Walk(PartView part, int depth)
    {
        if (depth > 20) return;
        foreach (var parameter in part.Parameters) _ = parameter.Name.Length;
        foreach (var child in part) Walk(child, depth + 1);
    }
}
