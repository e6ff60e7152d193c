using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Posthorn.Identity;

/// <summary>The fields of a form that was sent.</summary>
internal sealed class Form(Dictionary<string, StringValues> fields)
{
    public static Form Empty { get; } = new([]);

    /// <summary>Empty where the form has no such field.</summary>
    public string this[string name] => fields.TryGetValue(name, out var values) ? values[^1] ?? "" : "";

    /// <summary>All values of a field, for boxes that are ticked.</summary>
    public IReadOnlyList<string> All(string name) => fields.TryGetValue(name, out var values) ? [.. values.OfType<string>()] : [];

    public bool Has(string name) => fields.ContainsKey(name);

    /// <summary>Null for what is no form (HTML §4.10.21.7, application/x-www-form-urlencoded).</summary>
    /// <exception cref="BadHttpRequestException">Longer than <see cref="IdentityLimits.FormOctetsMax"/>.</exception>
    public static async Task<Form?> ReadAsync(HttpContext context)
    {
        var type = context.Request.ContentType?.Split(';')[0].Trim();
        if (!string.Equals(type, "application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)) return null;
        if (context.Request.ContentLength > IdentityLimits.FormOctetsMax) throw TooLarge();
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = IdentityLimits.FormOctetsMax;
        }
        var pipe = new FormPipeReader(context.Request.BodyReader)
        {
            KeyLengthLimit = 100,
            ValueLengthLimit = IdentityLimits.FormOctetsMax,
            ValueCountLimit = IdentityLimits.FormFieldsMax,
        };
        try
        {
            return new Form(await pipe.ReadFormAsync(context.RequestAborted));
        }
        catch (InvalidDataException)
        {
            throw TooLarge();
        }
    }

    private static BadHttpRequestException TooLarge() => new("the form is too large", StatusCodes.Status413PayloadTooLarge);
}
