using System.Globalization;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>The message that a client describes in Email/set (RFC 8621 §4.6): read, checked, built.</summary>
internal sealed class EmailDraft : IDisposable
{
    private static readonly string[] BodyProperties = ["bodyStructure", "textBody", "htmlBody", "attachments"];

    private readonly MethodCall _call;
    private readonly AccountId _account;
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _fieldNames = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<Stream> _files = [];
    private readonly List<string> _missing = [];
    private int _parts;
    private long _octets;

    private EmailDraft(MethodCall call, AccountId account) => (_call, _account) = (call, account);

    public List<OutgoingField> Fields { get; } = [];

    public OutgoingPart Body { get; private set; } = new() { Type = "text/plain", Text = "" };

    /// <exception cref="SetErrorException">It is no Email that can be created.</exception>
    public static async ValueTask<EmailDraft> ReadAsync(MethodCall call, AccountId account, JsonElement written)
    {
        var draft = new EmailDraft(call, account);
        try
        {
            draft.ReadFields(written);
            draft.ReadValues(written);
            await draft.ReadBodyAsync(written);
            if (draft._missing.Count > 0) throw new SetErrorException(new SetError("blobNotFound") { NotFound = draft._missing });
            draft.AddMissingFields();
            return draft;
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }

    public void Dispose() => _files.ForEach(static file => file.Dispose());

    private void ReadFields(JsonElement written)
    {
        foreach (var property in written.EnumerateObject())
        {
            if (BodyProperties.Contains(property.Name) || property.Name is "bodyValues" or "mailboxIds" or "keywords" or "receivedAt") continue;
            if (property.Value.ValueKind == JsonValueKind.Null && !property.Name.StartsWith(HeaderRequest.Prefix, StringComparison.Ordinal)) continue;
            var field = FieldReader.Read(property);
            if (field.Name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)) throw Invalid(property.Name, "it belongs to a body part");
            Add(property.Name, field.Fields);
        }
    }

    private void Add(string property, IReadOnlyList<OutgoingField> fields)
    {
        if (fields.Count == 0) return;
        if (!_fieldNames.Add(fields[0].Name)) throw Invalid(property, "the field is given twice");
        Fields.AddRange(fields);
    }

    // RFC 5322 §3.6: what every message has.
    private void AddMissingFields()
    {
        var now = _call.Scope.Parts.Time.GetUtcNow();
        if (!_fieldNames.Contains("Date")) Fields.Insert(0, OutgoingField.Raw("Date", InternetDate.Format(now)));
        if (!_fieldNames.Contains("Message-ID"))
        {
            Fields.Add(OutgoingField.Raw("Message-ID", $"<{Guid.CreateVersion7(now):N}@{_call.Scope.Parts.Hostname}>"));
        }
    }

    private void ReadValues(JsonElement written)
    {
        if (!written.TryGetProperty("bodyValues"u8, out var values) || values.ValueKind == JsonValueKind.Null) return;
        if (values.ValueKind != JsonValueKind.Object) throw Invalid("bodyValues", "an object is needed");
        foreach (var value in values.EnumerateObject())
        {
            var path = "bodyValues/" + value.Name;
            if (value.Value.ValueKind != JsonValueKind.Object || !value.Value.TryGetProperty("value"u8, out var text)
                || text.ValueKind != JsonValueKind.String)
            {
                throw Invalid(path, "a value is needed");
            }
            foreach (var name in (ReadOnlySpan<string>)["isEncodingProblem", "isTruncated"])
            {
                if (value.Value.TryGetProperty(name, out var flag) && flag.ValueKind != JsonValueKind.False) throw Invalid($"{path}/{name}",
                    "it is false");
            }
            _values[value.Name] = text.GetString()!;
        }
    }

    private async ValueTask ReadBodyAsync(JsonElement written)
    {
        if (written.TryGetProperty("bodyStructure"u8, out var structure) && structure.ValueKind != JsonValueKind.Null)
        {
            foreach (var name in BodyProperties.AsSpan(1).ToArray())
            {
                if (written.TryGetProperty(name, out var other) && other.ValueKind != JsonValueKind.Null) throw Invalid(name,
                    "bodyStructure is given, too");
            }
            Body = await PartAsync(structure, "bodyStructure", null);
            return;
        }
        var text = await OnlyAsync(written, "textBody", "text/plain");
        var html = await OnlyAsync(written, "htmlBody", "text/html");
        var attachments = new List<OutgoingPart>();
        if (written.TryGetProperty("attachments"u8, out var list) && list.ValueKind != JsonValueKind.Null)
        {
            if (list.ValueKind != JsonValueKind.Array) throw Invalid("attachments", "an array is needed");
            foreach (var item in list.EnumerateArray()) attachments.Add(await PartAsync(item, "attachments/" + attachments.Count, "attachment"));
        }
        Body = Arrange(text, html, attachments);
    }

    // What the text shows stands beside it (RFC 2387), everything else behind it.
    private static OutgoingPart Arrange(OutgoingPart? text, OutgoingPart? html, List<OutgoingPart> attachments)
    {
        var shown = html is null ? [] : attachments.FindAll(static a => a is { ContentId: not null, Disposition: "inline" });
        if (html is not null && shown.Count > 0) html = new OutgoingPart { Type = "multipart/related", Parts = [html, .. shown] };
        var body = text is not null && html is not null ? new OutgoingPart { Type = "multipart/alternative", Parts = [text, html] }
            : text ?? html;
        var rest = attachments.Except(shown).ToList();
        if (rest.Count == 0) return body ?? new OutgoingPart { Type = "text/plain", Text = "" };
        return new OutgoingPart { Type = "multipart/mixed", Parts = body is null ? rest : [body, .. rest] };
    }

    private async ValueTask<OutgoingPart?> OnlyAsync(JsonElement written, string name, string type)
    {
        if (!written.TryGetProperty(name, out var list) || list.ValueKind == JsonValueKind.Null) return null;
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != 1) throw Invalid(name, "one part is needed");
        var part = await PartAsync(list[0], name + "/0", null, type);
        return part.Type == type ? part : throw Invalid(name + "/0/type", "it is " + type);
    }

    private async ValueTask<OutgoingPart> PartAsync(JsonElement written, string path, string? disposition, string type = "")
    {
        if (written.ValueKind != JsonValueKind.Object) throw Invalid(path, "an object is needed");
        if (++_parts > JmapLimits.CreatedPartsMax) throw Invalid(path, $"an Email is built from {JmapLimits.CreatedPartsMax} parts at most");
        var draft = new PartDraft { Path = path, Type = type, Disposition = disposition };
        foreach (var property in written.EnumerateObject()) draft.Take(property, _fieldNames);
        var parts = new List<OutgoingPart>();
        foreach (var (child, index) in draft.SubParts.Select(static (c, i) => (c, i)))
        {
            parts.Add(await PartAsync(child, string.Create(CultureInfo.InvariantCulture, $"{path}/subParts/{index}"), null));
        }
        draft.Check(parts.Count > 0);
        string? text = null;
        if (draft.PartId is { } id && !_values.TryGetValue(id, out text)) throw Invalid(path + "/partId", "it stands in no bodyValue");
        return new OutgoingPart
        {
            Type = draft.EffectiveType,
            Parts = parts,
            Text = text,
            Content = draft.BlobId is { } blob ? await FileAsync(blob, path) : null,
            Charset = draft.Charset,
            Name = draft.Name,
            Disposition = draft.Disposition,
            ContentId = draft.ContentId,
            Languages = draft.Languages,
            Location = draft.Location,
            Fields = draft.Fields,
        };
    }

    private async ValueTask<Stream?> FileAsync(string blobId, string path)
    {
        if (_call.Resolve(blobId) is not { } id) id = "";
        using var blob = await OpenBlob.OpenAsync(_call.Store, _account, id, _call.Cancellation);
        if (blob is null)
        {
            if (!_missing.Contains(blobId)) _missing.Add(blobId);
            return null;
        }
        var bytes = await blob.ReadAllAsync(JmapLimits.AttachmentOctetsMax - _octets, _call.Cancellation)
            ?? throw new SetErrorException(new SetError("tooLarge", $"{path}: attachments have at most {JmapLimits.AttachmentOctetsMax} octets"));
        _octets += bytes.Length;
        var file = new MemoryStream(bytes, writable: false);
        _files.Add(file);
        return file;
    }

    private static SetErrorException Invalid(string property, string why) => new(SetError.Invalid(property, why));
}
