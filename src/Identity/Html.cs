using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Posthorn.Identity;

/// <summary>Markup. Text becomes markup only by being encoded, in <see cref="Html.Of"/>'s holes; nothing else makes one.</summary>
internal readonly struct Html
{
    private readonly string? _markup;

    private Html(string markup) => _markup = markup;

    /// <summary>The literal parts are markup as they stand, the holes are encoded unless they are markup themselves.</summary>
    public static Html Of(ref Builder builder) => new(builder.ToStringAndClear());

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts));

    public override string ToString() => _markup ?? "";

    [InterpolatedStringHandler]
    public ref struct Builder(int literalLength, int holes)
    {
        private readonly StringBuilder _text = new(literalLength + (holes * 16));

        public readonly void AppendLiteral(string markup) => _text.Append(markup);

        public readonly void AppendFormatted(Html markup) => _text.Append(markup.ToString());

        public readonly void AppendFormatted(string? text) => _text.Append(HtmlEncoder.Default.Encode(text ?? ""));

        public readonly void AppendFormatted(int number) => _text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{number}");

        public readonly void AppendFormatted(long number) => _text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{number}");

        internal readonly string ToStringAndClear() => _text.ToString();
    }
}
