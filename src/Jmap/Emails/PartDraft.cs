using System.Text.Json;
using Posthorn.Mime;

namespace Posthorn.Jmap;

/// <summary>An EmailBodyPart as a client describes it (RFC 8621 §4.6).</summary>
internal sealed class PartDraft
{
    private readonly HashSet<string> _fieldNames = new(StringComparer.OrdinalIgnoreCase);
    private bool _hasSize;

    public required string Path { get; init; }

    public string Type { get; set; } = "";

    public string? PartId { get; private set; }

    public string? BlobId { get; private set; }

    public string? Charset { get; private set; }

    public string? Name { get; private set; }

    public string? Disposition { get; set; }

    public string? ContentId { get; private set; }

    public string? Location { get; private set; }

    public List<string> Languages { get; } = [];

    public List<OutgoingField> Fields { get; } = [];

    public List<JsonElement> SubParts { get; } = [];

    public string EffectiveType => Type.Length > 0 ? Type : PartId is not null ? "text/plain" : "application/octet-stream";

    /// <param name="fieldsOfEmail">Names that the Email itself has given: a part must not give them again.</param>
    public void Take(JsonProperty property, HashSet<string> fieldsOfEmail)
    {
        var (name, value) = (property.Name, property.Value);
        if (value.ValueKind == JsonValueKind.Null) return;
        switch (name)
        {
            case "partId": PartId = Text(name, value); break;
            case "blobId": BlobId = Text(name, value); break;
            case "type": Type = MediaType(Text(name, value).ToLowerInvariant()); break;
            case "charset": Charset = Text(name, value); break;
            case "name": Name = Text(name, value); break;
            case "disposition": Disposition = Token(name, Text(name, value)); break;
            case "cid": ContentId = Line(name, Text(name, value)); break;
            case "location": Location = Line(name, Text(name, value)); break;
            case "size": _hasSize = true; break;
            case "language" or "subParts":
                if (value.ValueKind != JsonValueKind.Array) throw Invalid(name, "an array is needed");
                foreach (var item in value.EnumerateArray())
                {
                    if (name == "subParts") SubParts.Add(item);
                    else Languages.Add(Token(name, Text(name, item)));
                }
                break;
            default: TakeField(property, fieldsOfEmail); break;
        }
    }

    public void Check(bool hasParts)
    {
        var isMultipart = Type.StartsWith("multipart/", StringComparison.Ordinal);
        if (isMultipart != hasParts) throw Invalid("subParts", "a multipart has parts, and nothing else has");
        if (isMultipart && (PartId is not null || BlobId is not null)) throw Invalid("partId", "a multipart has no content of its own");
        if (!isMultipart && (PartId is null) == (BlobId is null)) throw Invalid("partId", "either a partId or a blobId is needed");
        if (PartId is null) return;
        if (Charset is not null) throw Invalid("charset", "the server chooses it");
        if (_hasSize) throw Invalid("size", "the server counts it");
        if (Type.Length > 0 && !Type.StartsWith("text/", StringComparison.Ordinal)) throw Invalid("type", "a body value is text");
    }

    private void TakeField(JsonProperty property, HashSet<string> fieldsOfEmail)
    {
        if (HeaderRequest.TryParse(property.Name) is not { } request) throw Invalid(property.Name, "it cannot be set");
        if (request.Field.Equals("Content-Transfer-Encoding", StringComparison.OrdinalIgnoreCase)) throw Invalid(property.Name,
            "the server chooses it");
        if (fieldsOfEmail.Contains(request.Field)) throw Invalid(property.Name, "the Email has the field already");
        if (!_fieldNames.Add(request.Field)) throw Invalid(property.Name, "the field is given twice");
        Fields.AddRange(FieldReader.Read(property).Fields);
    }

    private string MediaType(string type)
    {
        var slash = type.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == type.Length - 1 || type.Any(static c => c is <= ' ' or > '~' or ';' or ',' or '"' or '(' or ')' or '<' or '>'))
            throw Invalid("type", "a media type is needed");
        return type;
    }

    private string Token(string name, string text) =>
        text.Length > 0 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? text.ToLowerInvariant()
            : throw Invalid(name, "a token is needed");

    private string Line(string name, string text) =>
        text.Length > 0 && !text.Any(static c => char.IsControl(c) || c is '<' or '>') ? text : throw Invalid(name, "it is no such value");

    private string Text(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) throw Invalid(name, "a String is needed");
        var text = value.GetString()!;
        return text.Any(static c => c is '\r' or '\n' or '\0') ? throw Invalid(name, "it has no line ends") : text;
    }

    private SetErrorException Invalid(string name, string why) => new(SetError.Invalid(Path + "/" + name, why));
}
