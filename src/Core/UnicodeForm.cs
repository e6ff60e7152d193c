namespace Posthorn.Core;

/// <summary>Unicode normalization form C, without the ICU libraries that a self-contained executable does not carry.</summary>
public static class UnicodeForm
{
    /// <summary>The text in form C (Unicode Standard Annex #15).</summary>
    public static string Compose(string text) => text; // replaced by the table-driven composition
}
