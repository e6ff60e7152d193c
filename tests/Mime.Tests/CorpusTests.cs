using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MimeKit;
using Xunit;

namespace Posthorn.Mime.Tests;

/// <summary>Odd mail of others, read by us, by MimeKit's full tree and by Python's email package.</summary>
public sealed class CorpusTests
{
    private static readonly string Folder = AppContext.BaseDirectory;

    // Messages that Python's parser understands otherwise, each with the reason. Everything else must agree, part by part.
    private static readonly Dictionary<string, string> PythonDiffers = new(StringComparer.Ordinal)
    {
        ["basic-plain-with-bad-header-separator.msg"] =
            "A line of one space folds the field above it (RFC 5322 §4.2); Python's header ends at the text after it.",
        ["malformedHeader-nocrlfcrlf.msg"] = "A line without a colon ends Python's header; here it is skipped, and the fields after it count.",
        ["malformedHeaderStartsBody-nocrlfcrlf.msg"] = "The same.",
        ["obsolete.msg"] = "The same.",
        ["multipartemptypart.msg"] = "A part of no header and no body: Python takes the end boundary for its body.",
        ["very-long-boundary.msg"] =
            "The boundary ends in a space, which RFC 2046 §5.1.1 does not allow: lines lose their white space before they are compared.",
        ["very-very-long-boundary.msg"] = "The same.",
        ["weird-boundary.msg"] = "The same.",
    };

    // The tree drops a part that has neither header nor body; IMAP counts it.
    private const string DroppedByTree = "multipartemptypart.msg";

    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(Path.Combine(Folder, "Corpus"), "*", SearchOption.AllDirectories)
            .Where(path => path.EndsWith(".eml", StringComparison.Ordinal) || path.EndsWith(".msg", StringComparison.Ordinal))
            .Select(path => Path.GetRelativePath(Folder, path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_part_is_where_the_structure_says(string file)
    {
        var message = File.ReadAllBytes(Path.Combine(Folder, file));
        Structures.Read(message);
        SearchText.Extract(message);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_tree_of_objects_has_the_same_parts(string file)
    {
        var message = File.ReadAllBytes(Path.Combine(Folder, file));
        if (file.EndsWith(DroppedByTree, StringComparison.Ordinal)) return;
        var expected = new StringBuilder();
        if (TryLoad(message) is { } tree) TreeOutline.Write(tree.Body, "", expected);
        else expected.Append(" text/plain *\n"); // no message to MimeKit, text to us
        var actual = new StringBuilder();
        OurOutline(new StructureView(MessageReader.Read(message).Structure).Root, "", actual);
        Assert.Equal(expected.ToString(), Starred(expected.ToString(), actual.ToString()));
    }

    [Fact]
    public void Another_language_sees_the_same_structure()
    {
        var files = Files.Select(row => row.Data).ToArray();
        var answers = Python(files.Select(file => Path.Combine(Folder, file)));
        Assert.Equal(files.Length, answers.Count);
        var wrong = new List<string>();
        for (var i = 0; i < files.Length; i++)
        {
            var message = File.ReadAllBytes(Path.Combine(Folder, files[i]));
            var expected = PythonOutline.Of(answers[i]);
            var actual = Starred(expected, PythonOutline.Of(new StructureView(MessageReader.Read(message).Structure).Root));
            var differs = PythonDiffers.ContainsKey(Path.GetFileName(files[i]));
            if ((expected == actual) != differs) continue;
            wrong.Add($"{files[i]}\n{(differs ? "agrees after all" : "")}\nPython:\n{expected}\nhere:\n{actual}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    private static MimeMessage? TryLoad(byte[] message)
    {
        try
        {
            return MimeMessage.Load(new MemoryStream(message));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    // Octets that the other parser cannot tell are not compared.
    private static string Starred(string expected, string actual)
    {
        var wanted = expected.Split('\n');
        var lines = actual.Split('\n');
        for (var i = 0; i < Math.Min(wanted.Length, lines.Length); i++)
        {
            if (wanted[i].EndsWith(" *", StringComparison.Ordinal)) lines[i] = lines[i][..(lines[i].LastIndexOf(' ') + 1)] + "*";
        }
        return string.Join('\n', lines);
    }

    private static void OurOutline(PartView part, string section, StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"{section} {Structures.Text(part.Type)}/{Structures.Text(part.Subtype)}");
        if (part.Kind == PartKind.Leaf) text.Append(CultureInfo.InvariantCulture, $" {part.Octets}");
        text.Append('\n');
        var number = 1;
        foreach (var child in part) OurOutline(child, section + "." + number++, text);
    }

    private static List<JsonElement> Python(IEnumerable<string> files)
    {
        using var python = Process.Start(new ProcessStartInfo("python3", [Path.Combine(Folder, "structure.py")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        python.StandardInput.Write(string.Join('\n', files));
        python.StandardInput.Close();
        var answers = new List<JsonElement>();
        while (python.StandardOutput.ReadLine() is { } line) answers.Add(JsonDocument.Parse(line).RootElement);
        python.WaitForExit();
        Assert.Equal(0, python.ExitCode);
        return answers;
    }
}
