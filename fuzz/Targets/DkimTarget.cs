using System.Text;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>The header of a message with signatures in it, a key record, Authentication-Results.</summary>
/// <remarks>Oracles: a field without its signature is the same however the signature is filled; canonicalization is done when it is done once;
/// signatures keep to the limits.</remarks>
internal sealed class DkimTarget : Target
{
    public override string Name => "dkim";

    public override IReadOnlyList<string> Words { get; } =
    [
        "DKIM-Signature: ", "ARC-Seal: ", "ARC-Message-Signature: ", "ARC-Authentication-Results: i=1; ", "Authentication-Results: ", "From: ",
            "v=1; ", "v=DKIM1; ",
        "a=rsa-sha256; ", "a=ed25519-sha256; ", "a=rsa-sha1; ", "b=", "bh=", "AAAA", "c=relaxed/relaxed; ", "c=simple; ", "d=example.org; ",
            "h=from:to; ", "i=1; ", "i=@example.org; ",
        "l=5; ", "q=dns/txt; ", "s=sel; ", "t=1000; ", "x=2000; ", "cv=none; ", "cv=pass; ", "cv=fail; ", "k=rsa; ", "k=ed25519; ", "p=",
            "t=y:s; ", "h=sha256; ", "s=email; ",
        "\r\n", "\r\n ", "\r\n\t", "\r\n\r\n", ";", "=", ":", " ", "mx.example.net", "(c)", "\"", "99999999999999999999", "\0", "\u00E9",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Trust/Signatures/TagList.cs"), new("src/Trust/Signatures/HeaderBlock.cs"), new("src/Trust/Dkim/DkimSignature.cs"),
        new("src/Trust/Dkim/DkimPublicKey.cs", "TryParse", "Fault", "OfRsa", "OfEd25519"),
            new("src/Trust/AuthenticationResults.cs", "Forged", "ServId"),
        new("src/Trust/Arc/ArcValidation.cs", "Collect", "Take", "At", "Keep", "TryInstance", "TryNumber", "TryParse"),
    ];

    public override (long Fixed, long PerOctet) Memory => (4 * 1024 * 1024, 40 * 1024);

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        if (DkimPublicKey.TryParse(text, "email", out var key, out var reason)) key.Dispose();
        else Oracle.Holds(reason.Length > 0, "a key that is none says why");
        if (input.Length > 8 * 1024) return;
        var header = new HeaderBlock(input);
        foreach (var field in header.Fields) Check(header, field);
        foreach (var forged in AuthenticationResults.Forged(input.Span, "mx.example.net"))
        {
            var octets = input.Span.Slice(forged.Offset, forged.Length);
            Oracle.Holds(Ascii.EqualsIgnoreCase(octets[..22], "authentication-results"u8), "what is taken away is a verdict");
            Oracle.Holds(Encoding.Latin1.GetString(octets).Contains("mx.example.net", StringComparison.OrdinalIgnoreCase), "in our name");
        }
        using var bodies = new BodyHashes();
        var chain = new ArcValidation(header, bodies, new DkimKeys(NoKeys), CancellationToken.None);
        Oracle.Holds(chain.Highest is >= 0 and < 1000, "the number of a set is one");
    }

    private static Dns.Resolver NoKeys { get; } = new NoResolver();

    private static void Check(HeaderBlock header, FieldPlace field)
    {
        var octets = header.Octets(field);
        var once = Canonical(octets);
        Oracle.Same(once, Canonical(once), "a field that is canonical stays as it is");
        var bare = DkimSignature.WithoutSignature(octets);
        Oracle.Holds(bare.Length <= octets.Length, "a field loses its signature");
        Oracle.Same(bare, DkimSignature.WithoutSignature(bare), "a signature goes once");
        foreach (var arc in (ReadOnlySpan<bool>)[false, true])
        {
            if (!DkimSignature.TryParse(header.Value(field), arc, out var signature, out var fault))
            {
                Oracle.Holds(fault.Reason.Length > 0 && fault.Result != AuthResult.Pass, "a signature that is none says why");
                continue;
            }
            Oracle.Holds(signature.Signature.Length > 0 && signature.SignedFields.Count <= TrustLimits.SignedFieldsMax,
                "a signature is within the limits");
            Oracle.Holds(arc || signature.SignedFields.Contains("from"), "From is signed");
            Oracle.Holds(signature.BodyLength is null or >= 0, "a length is none below zero");
            Oracle.Holds(bare.Length < octets.Length, "what is signed has a signature to lose");
            var selected = new List<FieldPlace>();
            header.Select(signature.SignedFields, selected);
            Oracle.Holds(selected.Distinct().Count() == selected.Count, "no field is signed twice");
        }
    }

    private static byte[] Canonical(ReadOnlySpan<byte> field)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        HeaderBlock.Write(field, true, output);
        return output.WrittenSpan.ToArray();
    }

    private sealed class NoResolver : Dns.Resolver
    {
        public override ValueTask<Dns.DnsAnswer<Dns.MxRecord>> MxAsync(string name, CancellationToken ct = default) => None<Dns.MxRecord>();

        public override ValueTask<Dns.DnsAnswer<System.Net.IPAddress>> AddressesAsync(string host, CancellationToken ct = default) =>
            None<System.Net.IPAddress>();

        public override ValueTask<Dns.DnsAnswer<System.Net.IPAddress>> AddressesAsync(
            string host, System.Net.Sockets.AddressFamily family, CancellationToken ct = default) => None<System.Net.IPAddress>();

        public override ValueTask<Dns.DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default) => None<string>();

        public override ValueTask<Dns.DnsAnswer<Dns.SrvRecord>> SrvAsync(string name, CancellationToken ct = default) => None<Dns.SrvRecord>();

        public override ValueTask<Dns.DnsAnswer<string>> PtrAsync(System.Net.IPAddress address, CancellationToken ct = default) => None<string>();

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static ValueTask<Dns.DnsAnswer<T>> None<T>() => new(new Dns.DnsAnswer<T>(Dns.DnsStatus.NxDomain, [], TimeSpan.Zero));
    }
}
