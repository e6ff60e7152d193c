using System.IO.Compression;
using System.Text;
using Posthorn.Mime;

namespace Posthorn.Trust.Tests;

/// <summary>Reports as they really arrived (Data/reports, with their licence), and packages made of them.</summary>
internal static class Samples
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Data", "reports");

    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder).Select(Path.GetFileName).OfType<string>()
        .Where(static name => name != "LICENSE.txt").Order(StringComparer.Ordinal);

    public static byte[] Read(string name) => File.ReadAllBytes(Directory.EnumerateFiles(Folder, name).Single());

    public static IncomingReport? Open(string name)
    {
        var octets = Read(name);
        return name.EndsWith(".eml", StringComparison.Ordinal) ? OpenMessage(octets) : IncomingReport.File(octets);
    }

    public static IncomingReport? OpenMessage(byte[] message) => IncomingReport.Read(message, MessageReader.Read(message).Structure);

    public static IncomingReport? OpenMessage(string message) => OpenMessage(Encoding.UTF8.GetBytes(message.ReplaceLineEndings("\r\n")));

    public static byte[] Gzip(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(content);
        return output.ToArray();
    }

    public static byte[] Zip(params (string Name, byte[] Content)[] files)
    {
        using var output = new MemoryStream();
        using (var zip = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(content);
            }
        }
        return output.ToArray();
    }

    public static ReportFault Fault(IncomingReport? report) => Xunit.Assert.IsType<IncomingReport.Refused>(report).Fault;

    /// <summary>An aggregate report of one record, with parts of it as a test wants them.</summary>
    public static string Xml(
        string metadata = "<org_name>example.net</org_name><report_id>7</report_id>"
            + "<date_range><begin>1700000000</begin><end>1700086399</end></date_range>",
        string policy = "<domain>example.test</domain><p>none</p>",
        string row = "<source_ip>192.0.2.7</source_ip><count>3</count><policy_evaluated>"
            + "<disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated>",
        string identifiers = "<header_from>example.test</header_from>") =>
        $"<feedback><report_metadata>{metadata}</report_metadata><policy_published>{policy}</policy_published>"
        + $"<record><row>{row}</row><identifiers>{identifiers}</identifiers></record></feedback>";
}
