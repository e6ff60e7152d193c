using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary>
/// The one thing that needs a script: a button that asks the browser for a passkey and sends what it gives as a form. Without a script the
/// button is not there.
/// </summary>
internal static class PasskeyForm
{
    /// <summary>How long a challenge is good.</summary>
    public static readonly TimeSpan ChallengeTimeout = TimeSpan.FromMinutes(10);

    private const int TimeOctets = 8;
    private const int RandomOctets = 16;
    private const int MacOctets = 32;

    public static Html Script { get; } = Html.Of($$"""
        (() => {
          const bytes = s => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
          const text = b => btoa(Array.from(new Uint8Array(b), x => String.fromCharCode(x)).join(''))
            .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
          for (const form of document.querySelectorAll('form[data-passkey]')) {
            if (!window.PublicKeyCredential) continue;
            form.hidden = false;
            const said = form.querySelector('[role=status]');
            form.addEventListener('submit', async event => {
              event.preventDefault();
              said.hidden = true;
              const set = (name, value) => { form.elements[name].value = text(value); };
              try {
                const o = JSON.parse(form.dataset.passkey);
                o.challenge = bytes(o.challenge);
                if (o.user) {
                  o.user.id = bytes(o.user.id);
                  for (const c of o.excludeCredentials) c.id = bytes(c.id);
                  const made = await navigator.credentials.create({publicKey: o});
                  set('attestation', made.response.attestationObject);
                  set('client-data', made.response.clientDataJSON);
                } else {
                  const used = await navigator.credentials.get({publicKey: o});
                  set('credential', used.rawId);
                  set('client-data', used.response.clientDataJSON);
                  set('authenticator-data', used.response.authenticatorData);
                  set('signature', used.response.signature);
                  if (used.response.userHandle) set('user-handle', used.response.userHandle);
                }
                form.submit();
              } catch (error) {
                said.textContent = error.name === 'InvalidStateError' ? 'This device has a passkey for this account already.'
                  : error.name === 'NotAllowedError' ? 'No passkey was used. You can try again.'
                  : 'The browser could not do it: ' + error.message;
                said.hidden = false;
              }
            });
          }
        })();
        """);

    /// <summary>A button that proves somebody by a passkey.</summary>
    public static Html ToProve(Visit visit, string action, string label) => Form(
        visit,
        action,
        Options(writer =>
        {
            writer.WriteString("challenge", Challenge(visit, action));
            writer.WriteString("rpId", HostOf(visit));
            writer.WriteString("userVerification", "required");
        }),
        ["credential", "client-data", "authenticator-data", "signature", "user-handle"],
        default,
        Html.Of($"<button class=\"quiet block\">{label}</button>"));

    /// <summary>A form that makes a passkey.</summary>
    public static Html ToMake(Visit visit, string action, PasskeyOffer offer) => Form(
        visit,
        action,
        Options(writer => WriteCreation(writer, visit, action, offer)),
        ["client-data", "attestation"],
        Fields.Input("label", "Name of the device", "text", "off", "", "So that you know it again, as “my telephone”.",
            more: Html.Of($" maxlength=\"{Passkeys.LabelCharactersMax}\" required")),
        Html.Of($"<button>Make a passkey</button>"));

    public static PasskeyAssertion Assertion(Form form) => new(
        Octets(form, "credential"), Octets(form, "client-data"), Octets(form, "authenticator-data"), Octets(form, "signature"),
        Octets(form, "user-handle"));

    public static PasskeyCreation Creation(Form form) => new(Octets(form, "client-data"), Octets(form, "attestation"));

    /// <summary>The ceremony of the form that was sent now.</summary>
    public static PasskeyCeremony Ceremony(Visit visit) => new(
        HostOf(visit),
        $"{visit.Http.Request.Scheme}://{visit.Http.Request.Host.Value}",
        challenge => IssuedAt(visit, challenge.Span));

    private static Html Form(Visit visit, string action, string options, string[] fields, Html shown, Html button) => Html.Of($"""
        <form method="post" action="{action}" data-passkey="{options}" hidden>
        {visit.FormFields(action)}{visit.NextField()}
        {Html.Join(fields.Select(field => Html.Of($"<input type=\"hidden\" name=\"{field}\" value=\"\">")))}
        {shown}{button}
        <p class="small wrong" role="status" hidden></p>
        </form>
        """);

    private static void WriteCreation(Utf8JsonWriter writer, Visit visit, string action, PasskeyOffer offer)
    {
        writer.WriteString("challenge", Challenge(visit, action));
        writer.WriteStartObject("rp");
        writer.WriteString("id", HostOf(visit));
        writer.WriteString("name", visit.Parts.Facts.Hostname.Unicode);
        writer.WriteEndObject();
        writer.WriteStartObject("user");
        writer.WriteString("id", Base64Url.EncodeToString(offer.UserHandle));
        writer.WriteString("name", visit.Account.Address.ToString());
        writer.WriteString("displayName", visit.Account.Name.Length > 0 ? visit.Account.Name : visit.Account.Address.ToString());
        writer.WriteEndObject();
        writer.WriteStartArray("pubKeyCredParams");
        foreach (var algorithm in offer.Algorithms)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "public-key");
            writer.WriteNumber("alg", algorithm);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartArray("excludeCredentials");
        foreach (var id in offer.Existing)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "public-key");
            writer.WriteString("id", Base64Url.EncodeToString(id));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteStartObject("authenticatorSelection");
        writer.WriteString("residentKey", "required");
        writer.WriteBoolean("requireResidentKey", true);
        writer.WriteString("userVerification", "required");
        writer.WriteEndObject();
        writer.WriteString("attestation", "none");
    }

    private static string Options(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string HostOf(Visit visit) => visit.Http.Request.Host.Host.ToLowerInvariant();

    // The time, 16 random octets, and a MAC that binds both to the form's path, the browser and the session: nothing needs to be remembered.
    private static string Challenge(Visit visit, string action)
    {
        FormToken.Of(visit.Http, action); // there is a cookie from now on
        var challenge = new byte[TimeOctets + RandomOctets + MacOctets];
        BinaryPrimitives.WriteInt64BigEndian(challenge, visit.Parts.Time.GetUtcNow().ToUnixTimeMilliseconds());
        RandomNumberGenerator.Fill(challenge.AsSpan(TimeOctets, RandomOctets));
        Mac(visit.Http, action, challenge).CopyTo(challenge.AsSpan(TimeOctets + RandomOctets));
        return Base64Url.EncodeToString(challenge);
    }

    private static DateTimeOffset? IssuedAt(Visit visit, ReadOnlySpan<byte> challenge)
    {
        if (challenge.Length != TimeOctets + RandomOctets + MacOctets) return null;
        var mac = Mac(visit.Http, visit.Route.Path, challenge);
        if (!CryptographicOperations.FixedTimeEquals(mac, challenge[(TimeOctets + RandomOctets)..])) return null;
        var issued = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(challenge));
        var age = visit.Parts.Time.GetUtcNow() - issued;
        return age >= TimeSpan.Zero && age < ChallengeTimeout ? issued : null;
    }

    private static byte[] Mac(HttpContext context, string action, ReadOnlySpan<byte> challenge) => FormToken.Mac(
        context, string.Create(CultureInfo.InvariantCulture, $"passkey {action} {Convert.ToHexString(challenge[..(TimeOctets + RandomOctets)])}"));

    private static byte[] Octets(Form form, string field) =>
        Base64Url.IsValid(form[field]) ? Base64Url.DecodeFromChars(form[field]) : [];
}
