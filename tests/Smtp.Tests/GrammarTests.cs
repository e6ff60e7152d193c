using System.Buffers;
using System.Text;
using CsCheck;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp.Tests;

public sealed class GrammarTests
{
    /// <summary>A line, and the command that it is; null where it is none.</summary>
    public static TheoryData<string, string?> Lines => new()
    {
        { "EHLO client.example", "EhloCommand { Name = client.example, IsExtended = True }" },
        { "ehlo [IPv6:2001:db8::1] ", "EhloCommand { Name = [IPv6:2001:db8::1], IsExtended = True }" },
        { "HELO WIN_HOST", "EhloCommand { Name = WIN_HOST, IsExtended = False }" },
        { "EHLO", null },
        { "EHLO  two", null },
        { "EHLO a(b)", null },
        { "MAIL FROM:<ann@example.org>", Mail("ann@example.org") },
        { "mail from:<ann@Example.ORG> size=1000 body=8bitmime", Mail("ann@example.org", size: 1000) },
        { "MAIL FROM: <ann@example.org>", Mail("ann@example.org") },
        { "MAIL FROM:<>", Mail(null) },
        { "MAIL FROM:<@a.example,@b.example:ann@example.org>", Mail("ann@example.org") },
        { "MAIL FROM:<\"a > \\\" b\"@example.org> BODY=7BIT  AUTH=<> ", Mail("\"a > \\\" b\"@example.org") },
        { "MAIL FROM:<zoë@bücher.example> SMTPUTF8", Mail("zoë@xn--bcher-kva.example", utf8Path: true, utf8: true) },
        { "MAIL FROM:<a@b.example> SIZE=99999999999999999999", Mail("a@b.example", size: long.MaxValue) },
        { "MAIL FROM:<a@b.example> XFOO=1 XBAR", Mail("a@b.example", unknown: "XFOO") },
        { "MAIL FROM:<a@b.example> RET=HDRS ENVID=a+2Bb+20c", Mail("a@b.example", dsn: "RET=Headers ENVID=a+b c") },
        { "MAIL FROM:<a@b.example> ret=full requiretls mt-priority=-3", Mail("a@b.example", dsn: "RET=Full", tls: true, priority: -3) },
        { "MAIL FROM:<a@b.example> HOLDFOR=60", Mail("a@b.example", hold: "00:01:00") },
        { "MAIL FROM:<a@b.example> HOLDUNTIL=2030-01-02T03:04:05Z", Mail("a@b.example", hold: "2030-01-02T03:04:05") },
        { "MAIL FROM:<a@b.example> HOLDUNTIL=2030-01-02t03:04:05.25z", Mail("a@b.example", hold: "2030-01-02T03:04:05") },
        { "MAIL FROM:<a@b.example> BY=120;R", Mail("a@b.example", by: "00:02:00 R") },
        { "MAIL FROM:<a@b.example> BY=-60;NT", Mail("a@b.example", by: "-00:01:00 NT") },
        { "MAIL FROM:<a@b.example> BY=+0;n", Mail("a@b.example", by: "00:00:00 N") },
        { "MAIL FROM:<a@b.example> RET=HDRS RET=FULL", null },
        { "MAIL FROM:<a@b.example> RET=BODY", null },
        { "MAIL FROM:<a@b.example> ENVID=", null },
        { "MAIL FROM:<a@b.example> ENVID=a+2", null },
        { "MAIL FROM:<a@b.example> ENVID=a+0A", null },
        { "MAIL FROM:<a@b.example> ENVID=a+2b", null },
        { "MAIL FROM:<a@b.example> ENVID=a ENVID=b", null },
        { "MAIL FROM:<a@b.example> REQUIRETLS=yes", null },
        { "MAIL FROM:<a@b.example> HOLDFOR=0", null },
        { "MAIL FROM:<a@b.example> HOLDFOR=1000000000", null },
        { "MAIL FROM:<a@b.example> HOLDFOR=1 HOLDUNTIL=2030-01-02T03:04:05Z", null },
        { "MAIL FROM:<a@b.example> HOLDUNTIL=2030-01-02T03:04:05+01:00", null },
        { "MAIL FROM:<a@b.example> HOLDUNTIL=2030-02-30T03:04:05Z", null },
        { "MAIL FROM:<a@b.example> BY=0;R", null },
        { "MAIL FROM:<a@b.example> BY=-1;R", null },
        { "MAIL FROM:<a@b.example> BY=1;X", null },
        { "MAIL FROM:<a@b.example> BY=1", null },
        { "MAIL FROM:<a@b.example> BY=1;N BY=2;N", null },
        { "MAIL FROM:<a@b.example> MT-PRIORITY=10", null },
        { "MAIL FROM:<a@b.example> MT-PRIORITY=-0", null },
        { "MAIL FROM:<a@b.example> MT-PRIORITY=", null },
        { "MAIL FROM:<a@[192.0.2.1]>", Mail(null, form: "Literal") },
        { "MAIL FROM:<a@b.example> SMTPUTF8 SIZE=1 BODY=7BIT SMTPUTF8 SIZE=2 BODY=8BITMIME", Mail("a@b.example", size: 2, utf8: true) },
        { "MAIL FROM:<a@b.example> SIZE=", null },
        { "MAIL FROM:<a@b.example> BODY=BINARYMIME", Mail("a@b.example", dsn: "BINARYMIME") },
        { "MAIL FROM:<a@b.example> BODY=9BITMIME", null },
        { "MAIL FROM:<a@b.example> SMTPUTF8=1", null },
        { "MAIL FROM:a@b.example", null },
        { "MAIL FROM:<a@b.example", null },
        { "MAIL FROM:<a@b.example>SIZE=1", null },
        { "MAIL FROM:<a..b@c.example>", null },
        { "MAIL FROM:<a@b@c.example>", null },
        { "MAIL FROM:<a@-b.example>", null },
        { "MAIL FROM:<@relay.example>", null },
        { "MAIL FROM:<a\nb@c.example>", null },
        { "MAIL FROM:<\"a\rb\"@c.example>", null },
        { "MAIL TO:<a@b.example>", null },
        { "MAIL", null },
        { "RCPT TO:<bob@example.test>", Rcpt("bob@example.test") },
        { "RCPT TO:<@relay.example:bob+x@example.test>", Rcpt("bob+x@example.test") },
        { "RCPT TO:<\"somebody@example.org\"@example.test>", Rcpt("\"somebody@example.org\"@example.test") },
        { "RCPT TO:<PostMaster>", Rcpt(null, form: "Postmaster") },
        { "RCPT TO:<bob@example.test> XNOTIFY=NEVER", Rcpt("bob@example.test", "XNOTIFY") },
        { "RCPT TO:<bob@example.test> NOTIFY=NEVER", Rcpt("bob@example.test", dsn: "Never ") },
        { "RCPT TO:<bob@example.test> notify=success,delay,failure", Rcpt("bob@example.test", dsn: "Success, Failure, Delay ") },
        { "RCPT TO:<bob@example.test> ORCPT=rfc822;b+2Bx+3Dy@c.example", Rcpt("bob@example.test", dsn: "Undeclared rfc822;b+x=y@c.example") },
        { "RCPT TO:<bob@example.test> ORCPT=utf-8;zo\\x{EB}@c.example", Rcpt("bob@example.test", dsn: "Undeclared utf-8;zoë@c.example") },
        { "RCPT TO:<bob@example.test> ORCPT=utf-8;zoë@c.example", Rcpt("bob@example.test", dsn: "Undeclared utf-8;zoë@c.example", utf8: true) },
        { "RCPT TO:<bob@example.test> ORCPT=rfc822;zoë@c.example", null },
        { "RCPT TO:<bob@example.test> ORCPT=utf-8;a\\x{A}b", null },
        { "RCPT TO:<bob@example.test> ORCPT=utf-8;a\\x{D800}b", null },
        { "RCPT TO:<bob@example.test> ORCPT=utf-8;a\\xEB", null },
        { "RCPT TO:<bob@example.test> ORCPT=rfc822", null },
        { "RCPT TO:<bob@example.test> ORCPT=rfc822;a ORCPT=rfc822;b", null },
        { "RCPT TO:<bob@example.test> NOTIFY=NEVER,DELAY", null },
        { "RCPT TO:<bob@example.test> NOTIFY=SUCCESS,NEVER", null },
        { "RCPT TO:<bob@example.test> NOTIFY=", null },
        { "RCPT TO:<bob@example.test> NOTIFY=DELAY NOTIFY=DELAY", null },
        { "RCPT TO:<>", null },
        { "RCPT TO:<bob>", null },
        { "RCPT TO:<bob@example.test> =", null },
        { "DATA", "DataCommand { }" },
        { "data  ", "DataCommand { }" },
        { "DATA now", null },
        { "BDAT 86", "BdatCommand { SizeOctets = 86, IsLast = False }" },
        { "bdat 0 last", "BdatCommand { SizeOctets = 0, IsLast = True }" },
        { "BDAT 99999999999999999999 LAST ", "BdatCommand { SizeOctets = 9223372036854775807, IsLast = True }" },
        { "BDAT 86 FIRST", null },
        { "BDAT -1", null },
        { "BDAT 1x", null },
        { "BDAT", null },
        { "XCLIENT ADDR=198.51.100.7 NAME=[UNAVAILABLE]", "XclientCommand { Remote = 198.51.100.7 }" },
        { "xclient addr=IPV6:2001:db8::1 port=40000 proto=ESMTP helo=a.example", "XclientCommand { Remote = 2001:db8::1 }" },
        { "XCLIENT ADDR=[UNAVAILABLE]", "XclientCommand { Remote =  }" },
        { "XCLIENT ADDR=nobody", null },
        { "XCLIENT LOGIN=ann", null },
        { "XCLIENT", null },
        { "RSET", "RsetCommand { }" },
        { "RSET all", null },
        { "NOOP whatever it be", "NoopCommand { }" },
        { "QUIT", "QuitCommand { }" },
        { "VRFY ann", "VrfyCommand { Text = ann, Expands = False }" },
        { "VRFY ", null },
        { "VRFY", null },
        { "HELP MAIL", "HelpCommand { }" },
        { "STARTTLS", "StartTlsCommand { }" },
        { "STARTTLS now", null },
        { "AUTH PLAIN", "AUTH PLAIN" },
        { "auth login =", "AUTH login" },
        { "AUTH PLAIN AGFubgBwYXNz", "AUTH PLAIN" },
        { "AUTH PLAIN AGFub gBwYXNz", null },
        { "AUTH", null },
        { "EXPN staff", "VrfyCommand { Text = staff, Expands = True }" },
        { "EXPN", null },
        { "LHLO client.example", "EhloCommand { Name = client.example, IsExtended = True }" },
        { "", null },
        { " NOOP", null },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_line_is_read_the_same_at_every_cut(string line, string? expected)
    {
        var octets = Encoding.UTF8.GetBytes(line);
        for (var at = 0; at <= octets.Length; at++) Assert.Equal(expected, Read(Cut.InTwo(octets, at)));
    }

    [Theory]
    [MemberData(nameof(Lines))]
    public void No_prefix_of_a_line_is_more_than_the_line_without_its_end(string line, string? expected)
    {
        var octets = Encoding.UTF8.GetBytes(line);
        for (var length = 0; length < octets.Length; length++)
        {
            // A command that a prefix makes is one that the table has; the parser reads it whole and throws nothing.
            var read = Read(new ReadOnlySequence<byte>(octets, 0, length));
            if (expected is not null && read is not null) Assert.Equal(expected.Split(' ')[0], read.Split(' ')[0]);
        }
    }

    [Fact]
    public void Random_octets_never_throw()
    {
        var verbs = Verb.Table.Select(verb => verb.Name).Append("MAIL FROM:<").Append("RCPT TO:<").Append("MAIL FROM:<a@b.c> ").ToArray();
        Gen.Select(Gen.OneOf(verbs), Gen.Byte.Array[0, 80]).Sample(
            line => _ = Read(new ReadOnlySequence<byte>([.. Encoding.ASCII.GetBytes(line.Item1), .. line.Item2])), iter: 20_000);
        var alphabet = "<>@:\"\\ =+.,[]abé\0\r\n"u8.ToArray();
        Gen.Select(Gen.OneOf(verbs), Gen.OneOf(alphabet).Array[0, 40]).Sample(
            line => _ = Read(new ReadOnlySequence<byte>([.. Encoding.ASCII.GetBytes(line.Item1), .. line.Item2])), iter: 20_000);
    }

    [Fact]
    public void Every_verb_of_the_table_is_found_in_any_case()
    {
        foreach (var verb in Verb.Table)
        {
            var r = new GrammarReader(Encoding.ASCII.GetBytes(verb.Name.ToLowerInvariant() + " x"));
            Assert.True(Verb.TryRead(ref r, out var found));
            Assert.Same(verb, found);
            Assert.Equal(verb.Name.Length, r.Consumed);
        }
    }

    [Fact]
    public void A_path_as_long_as_it_may_be_is_read_and_a_longer_one_is_not()
    {
        var domain = string.Join('.', Enumerable.Repeat(new string('d', 31), 5)) + ".example";
        var local = new string('l', EmailAddress.LocalPartOctetsMax);
        Assert.NotNull(Read($"RCPT TO:<{local}@{domain}>"));
        Assert.Null(Read($"RCPT TO:<{local}l@{domain}>"));
        Assert.Null(Read($"RCPT TO:<{local}@{domain}.{domain}>"));
        Assert.Null(Read($"RCPT TO:<{new string('x', SmtpLimits.PathOctetsMax)}@{domain}>"));
    }

    private static string? Read(string line) => Read(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(line)));

    private static string? Read(ReadOnlySequence<byte> line)
    {
        var r = new GrammarReader(line);
        if (!Verb.TryRead(ref r, out var verb)) return null;
        if (verb.Parse(ref r, out var command)) return Text(command);
        Assert.NotNull(r.Fault);
        return null;
    }

    private static string Text(Command command) => command switch
    {
        MailCommand { From: var from, Options: var o } => Mail(
            from.Address?.ToString(), o.SizeOctets, from.Utf8, o.Utf8, o.Unknown, from.Form.ToString(),
            Dsn(o), o.Parameters.RequireTls, o.Priority, o.HoldFor?.ToString() ?? o.HoldUntil?.ToString("s"),
            o.ByTime is { } by ? $"{by} {(o.ByReturns ? "R" : "N")}{(o.ByTrace ? "T" : "")}" : null),
        RcptCommand { To: var to, Options: var o } => Rcpt(
            to.Address?.ToString(), o.Unknown, to.Form.ToString(), $"{o.Parameters.Notify} {o.Parameters.OriginalRecipient}", o.Utf8),
        _ => command.ToString(),
    };

    private static string? Dsn(MailOptions o) => (o.Parameters.Return, o.Parameters.EnvelopeId) switch
    {
        _ when o.Parameters.Body == BodyType.BinaryMime => "BINARYMIME",
        (DsnReturn.Undeclared, null) => null,
        (var returns, null) => $"RET={returns}",
        (var returns, var id) => $"RET={returns} ENVID={id}",
    };

    private static string Mail(
        string? address, long size = 0, bool utf8Path = false, bool utf8 = false, string? unknown = null, string? form = null,
        string? dsn = null, bool tls = false, int priority = 0, string? hold = null, string? by = null) =>
        $"MAIL {Path(address, utf8Path, form)} {size} {utf8} {unknown} {dsn} {tls} {priority} {hold} {by}";

    private static string Rcpt(string? address, string? unknown = null, string? form = null, string dsn = "Undeclared ", bool utf8 = false) =>
        $"RCPT {Path(address, false, form)} {unknown} {dsn} {utf8}";

    private static string Path(string? address, bool utf8, string? form = null) =>
        $"SmtpPath {{ Form = {form ?? (address is null ? "Null" : "Mailbox")}, Address = {address}, Utf8 = {utf8} }}";
}
