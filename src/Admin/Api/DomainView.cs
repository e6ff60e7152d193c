using System.Text.Json.Serialization;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <param name="Name">In A-labels.</param>
/// <param name="DisplayName">The name for people, in U-labels.</param>
/// <param name="CatchAll">Where mail for undefined names goes; null refuses it.</param>
/// <param name="Administrator">Who reads postmaster@ and abuse@ unless they are defined; null for the first administrator.</param>
/// <param name="Scram">Its accounts may log in by SCRAM.</param>
/// <param name="Login">What mail programs may log in with: the account's password too, app passwords and tokens, or tokens only.</param>
/// <param name="Mfa">Its people must have a second factor in a browser.</param>
public sealed record DomainView(
    string Name,
    string DisplayName,
    bool PlusAddressing,
    string? CatchAll,
    string? Administrator,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DisabledAt,
    DmarcHandling Dmarc,
    bool Scram,
    LoginPolicy Login,
    bool Mfa);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewDomainBody(string Name);

/// <summary>What is left out stays as it is.</summary>
/// <param name="CatchAll">An address; the empty string takes it away.</param>
/// <param name="Administrator">The address of an account; the empty string takes it away.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record DomainChangeBody(
    bool? PlusAddressing = null, string? CatchAll = null, string? Administrator = null, bool? Disabled = null,
    DmarcHandling? Dmarc = null, bool? Scram = null, LoginPolicy? Login = null, bool? Mfa = null);

/// <param name="Name">Where the record stands.</param>
/// <param name="Record">The TXT record to publish.</param>
public sealed record SigningKeyEntry(
    string Name, string Selector, string Algorithm, SigningKeyState State, string Record, DateTimeOffset CreatedAt, DateTimeOffset ChangedAt);

public sealed record SigningKeyList(IReadOnlyList<SigningKeyEntry> Keys);

/// <param name="Pem">The private key: PKCS#8 of RSA or Ed25519, or PKCS#1.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SigningKeyImportBody(string Selector, string Pem);
