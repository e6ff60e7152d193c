using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Posthorn.House.Tests;

/// <summary>How long, how wide and how named the sources may be.</summary>
public sealed partial class SourceTests
{
    private const int FileLinesMax = 500;
    private const int LineColumnsMax = 150;
    private const int FunctionLinesMax = 80;
    private const int FoldersMax = 2;

    private static readonly string[] BannedWords = ["Manager", "Helper", "Helpers", "Util", "Utils", "Common", "Base", "Impl", "Info"];

    private static readonly Lazy<(string File, SyntaxNode Root)[]> Trees =
        new(() => [.. Repository.CSharpFiles.Select(f => (f, CSharpSyntaxTree.ParseText(Repository.Read(f)).GetRoot()))]);

    [Fact]
    public void No_file_is_too_long()
    {
        Offenders.None(Repository.CodeFiles.Select(f => (File: f, Lines: Repository.ReadLines(f).Length)).Where(f => f.Lines > FileLinesMax));
    }

    [Fact]
    public void No_line_is_too_wide()
    {
        Offenders.None(Places(Repository.CodeFiles, l => l.Length > LineColumnsMax));
    }

    [Fact]
    public void No_function_is_too_long()
    {
        var functions = Trees.Value.SelectMany(t => t.Root.DescendantNodes()
            .Where(n => n is BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or LocalFunctionStatementSyntax)
            .Select(n => (t.File, Span: n.GetLocation().GetLineSpan()))
            .Select(f => (f.File, Line: f.Span.StartLinePosition.Line + 1, Lines: f.Span.EndLinePosition.Line - f.Span.StartLinePosition.Line + 1)));
        Offenders.None(functions.Where(f => f.Lines > FunctionLinesMax));
    }

    [Fact]
    public void No_type_is_named_with_a_word_that_says_nothing()
    {
        var types = Trees.Value.SelectMany(t => t.Root.DescendantNodes()
            .Select(n => n switch
            {
                BaseTypeDeclarationSyntax type => type.Identifier.Text,
                DelegateDeclarationSyntax type => type.Identifier.Text,
                _ => "",
            })
            .Where(name => BannedWords.Contains(PascalWord().Matches(name).LastOrDefault()?.Value))
            .Select(name => (t.File, name)));
        Offenders.None(types);
    }

    [Fact]
    public void No_source_lies_deeper_than_two_folders_in_its_room()
    {
        Offenders.None(Repository.CSharpFiles.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.Count(c => c == '/') > 2 + FoldersMax));
    }

    [Fact]
    public void No_region_folds_code_away()
    {
        Offenders.None(Places(Repository.CSharpFiles, l => l.TrimStart().StartsWith("#region", StringComparison.Ordinal)));
    }

    [Fact]
    public void Nothing_is_left_for_later()
    {
        Offenders.None(Places(Repository.CodeFiles, l => LeftForLater().IsMatch(l)));
    }

    [Fact]
    public void No_test_is_switched_off()
    {
        Offenders.None(Places(Repository.CSharpFiles, l => SwitchedOff().IsMatch(l)));
    }

    [Fact]
    public void No_file_knows_the_machine_or_the_registry_it_was_made_with()
    {
        // Written in pieces, so that this file does not find itself.
        string[] traces =
        [
            "/wo" + "rk/", "/ro" + "ot/", "/home" + "/",
            "nuget" + ".org", "npmjs" + ".org", "deb.debian" + ".org", "docker" + ".io", "\"resol" + "ved\": \"http",
        ];
        var text = Repository.Files.Where(f => Path.GetExtension(f) is not (".eml" or ".msg" or ".mbox" or ".dlg" or ".bin" or ".png" or ".zst"));
        Offenders.None(Places(text, l => traces.Any(t => l.Contains(t, StringComparison.OrdinalIgnoreCase))));
    }

    private static IEnumerable<string> Places(IEnumerable<string> files, Func<string, bool> offends) =>
        files.SelectMany(f => Repository.ReadLines(f).Index().Where(l => offends(l.Item)).Select(l => $"{f}:{l.Index + 1}"));

    [GeneratedRegex("[A-Z][a-z0-9]*")]
    private static partial Regex PascalWord();

    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|NotImpl" + @"ementedException)\b")]
    private static partial Regex LeftForLater();

    [GeneratedRegex(@"\[(Fact|Theory)\([^)]*\bSki" + @"p\s*=")]
    private static partial Regex SwitchedOff();
}
