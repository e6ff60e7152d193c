namespace Posthorn.Identity;

/// <summary>The parts that forms are made of: a label, a hint, what is wrong, the field, tied together for those who hear the page.</summary>
internal static class Fields
{
    /// <param name="type"><c>email</c>, <c>password</c>, <c>text</c>.</param>
    /// <param name="autocomplete">What a password keeper fills in (HTML §4.10.18.7).</param>
    public static Html Input(
        string name, string label, string type, string autocomplete, string value = "", string? hint = null, string? wrong = null,
        Html more = default)
    {
        var described = string.Join(' ', new[] { hint is null ? null : name + "-hint", wrong is null ? null : name + "-wrong" }.OfType<string>());
        return Html.Of($"""
            <div class="field">
            <label for="{name}">{label}</label>
            {(hint is null ? default : Html.Of($"<span class=\"hint\" id=\"{name}-hint\">{hint}</span>"))}
            {(wrong is null ? default : Html.Of($"<span class=\"wrong\" id=\"{name}-wrong\">{wrong}</span>"))}
            <input id="{name}" name="{name}" type="{type}" autocomplete="{autocomplete}" value="{value}"
            {Described(described, wrong is not null)}{more}>
            </div>
            """);
    }

    /// <summary>For six digits of an authenticator, or a recovery code.</summary>
    public static Html Code(string name, string label, string? hint = null, string? wrong = null) => Input(
        name, label, "text", "one-time-code", "", hint, wrong,
        Html.Of($" class=\"code\" maxlength=\"40\" autocapitalize=\"none\" spellcheck=\"false\" required"));

    public static Html NewPassword(string name, string label, string? hint, string? wrong = null) =>
        Input(name, label, "password", "new-password", "", hint, wrong, Html.Of($" required"));

    /// <summary>What is wrong, on top of the form, where the reader lands. The title says it too.</summary>
    public static Html Problem(string? text, string? field = null) => text is null ? default : Html.Of($"""
        <div class="problem" role="alert" tabindex="-1" autofocus>
        <h2>There is a problem</h2>
        <p>{(field is null ? Html.Of($"{Sentence(text)}") : Html.Of($"<a href=\"#{field}\">{Sentence(text)}</a>"))}</p>
        </div>
        """);

    public static Html Notice(string? text) => text is null ? default : Html.Of($"""
        <div class="notice" role="status" tabindex="-1"><p>{text}</p></div>
        """);

    /// <summary>The sentences of refusals begin small, for the command line.</summary>
    public static string Sentence(string text) =>
        text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..] + (text[^1] is '.' or '?' ? "" : ".");

    private static Html Described(string ids, bool isWrong) => Html.Of($"""
        {(ids.Length == 0 ? default : Html.Of($" aria-describedby=\"{ids}\""))}{(isWrong ? Html.Of($" aria-invalid=\"true\"") : default)}
        """);
}
