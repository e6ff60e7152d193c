using System.Security.Cryptography;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>Makes and checks password hashes within the memory budget, and remembers for a while which passwords were proven.</summary>
/// <remarks>
/// A proof is remembered as HMAC(key of this process, stored hash ‖ password): it says nothing about the password to whoever reads the
/// memory later without the key, and a changed password has another stored hash, so there is nothing to invalidate.
/// </remarks>
internal sealed class PasswordCheck(DirectorySettings settings) : IDisposable
{
    private readonly HashingBudget _budget = new(settings.PasswordMemoryKiBMax);
    private readonly ProvenPasswords _proven = new();
    private readonly PasswordRules _rules = new(settings.BreachedPasswords);
    private readonly PasswordHash _nobody = PasswordHash.Unmatchable(settings.PasswordCost);

    /// <summary>All that is stored of a password that is set now, if the rules allow it.</summary>
    public async ValueTask<Result<PasswordSecrets>> SecretsAsync(
        EmailAddress address, ReadOnlyMemory<byte> password, bool withScram, CancellationToken ct)
    {
        if (PasswordHash.TryPrepare(password.Span, out var prepared))
        {
            var refusal = _rules.Check(prepared, address);
            CryptographicOperations.ZeroMemory(prepared);
            if (refusal is not null) return refusal;
        }
        var hashed = await HashAsync(password, ct);
        if (!hashed.TryGet(out var hash)) return hashed.Refusal!;
        return new PasswordSecrets(hash, withScram ? await ScramAsync(password, ct) : []);
    }

    /// <summary>None when too many log-ins are under way.</summary>
    public async ValueTask<IReadOnlyList<ScramVerifier>> ScramAsync(ReadOnlyMemory<byte> password, CancellationToken ct)
    {
        try
        {
            return await _budget.RunAsync<IReadOnlyList<ScramVerifier>>(
                settings.PasswordCost, () => [.. ScramHash.All.Select(hash => ScramVerifier.Make(hash, password.Span))], ct);
        }
        catch (RefusalException)
        {
            return [];
        }
    }

    public async ValueTask<Result<string>> HashAsync(ReadOnlyMemory<byte> password, CancellationToken ct)
    {
        if (!PasswordHash.TryPrepare(password.Span, out var prepared))
        {
            return new Refusal(RefusalKind.Invalid, $"a password has at most {PasswordHash.PasswordBytesMax} bytes of UTF-8, and none that is zero");
        }
        try
        {
            return await _budget.RunAsync(settings.PasswordCost, () => PasswordHash.Make(prepared, settings.PasswordCost).ToString(), ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(prepared);
        }
    }

    /// <param name="stored">The PHC form; none for an unknown login, which takes the same time and is never right.</param>
    /// <exception cref="RefusalException">Too many log-ins at once.</exception>
    public async ValueTask<Proof> ProveAsync(string? stored, ReadOnlyMemory<byte> password, long now, CancellationToken ct)
    {
        if (!PasswordHash.TryPrepare(password.Span, out var prepared)) prepared = [0];
        try
        {
            if (stored is not null && _proven.Knows(stored, prepared, now)) return Proof.Right;
            var known = PasswordHash.TryParse(stored ?? "", out var parsed);
            var hash = known ? parsed! : _nobody;
            if (!await _budget.RunAsync(hash.Cost, () => hash.Matches(prepared), ct) || !known) return Proof.Wrong;
            _proven.Remember(stored!, prepared, now);
            return hash.Cost == settings.PasswordCost ? Proof.Right : Proof.RightButStoredCheaply;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(prepared);
        }
    }

    public void Dispose() => _budget.Dispose();
}

internal enum Proof
{
    Wrong,
    Right,

    /// <summary>Right, and hashed with other parameters than today's.</summary>
    RightButStoredCheaply,
}
