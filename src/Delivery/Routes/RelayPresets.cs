namespace Posthorn.Delivery;

/// <summary>Where a known provider takes mail.</summary>
/// <param name="Login">Null when it is the customer's own.</param>
public sealed record RelayPreset(string Name, string Host, int Port, HopSecurity Security, string? Login);

/// <summary>The providers that a route may be made for by name.</summary>
public static class RelayPresets
{
    private const string SesPrefix = "ses:";

    public static IReadOnlyList<RelayPreset> All { get; } =
    [
        new("brevo", "smtp-relay.brevo.com", 587, HopSecurity.StartTls, null),
        new("cloudflare", "smtp.mx.cloudflare.net", 465, HopSecurity.Tls, "api_token"),
        new("mailgun", "smtp.mailgun.org", 587, HopSecurity.StartTls, null),
        new("mailgun-eu", "smtp.eu.mailgun.org", 587, HopSecurity.StartTls, null),
        new("postmark", "smtp.postmarkapp.com", 587, HopSecurity.StartTls, null),
        new("sendgrid", "smtp.sendgrid.net", 587, HopSecurity.StartTls, "apikey"),
        new("smtp2go", "mail.smtp2go.com", 587, HopSecurity.StartTls, null),
    ];

    /// <summary>One of the list, or <c>ses:</c> and a region.</summary>
    public static RelayPreset? Find(string name)
    {
        if (!name.StartsWith(SesPrefix, StringComparison.Ordinal)) return All.FirstOrDefault(preset => preset.Name == name);
        var region = name[SesPrefix.Length..];
        return region.Length is > 0 and <= 32 && region.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
            ? new RelayPreset(name, $"email-smtp.{region}.amazonaws.com", 587, HopSecurity.StartTls, null)
            : null;
    }
}
