using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>The domains whose mail the server takes in.</summary>
internal static class DomainRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/domains", "listDomains", "Lists the domains.", AdminJson.Default.DomainPage, ListAsync)
            with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of("POST", "/domains", "addDomain", "Takes in a domain.", AdminJson.Default.NewDomainBody, AdminJson.Default.DomainView, AddAsync)
            with { Status = StatusCodes.Status201Created },
        Route.Of("GET", "/domains/{domain}", "showDomain", "Shows a domain.", AdminJson.Default.DomainView, ShowAsync),
        Route.Of(
            "PATCH", "/domains/{domain}", "changeDomain", "Changes a domain.",
            AdminJson.Default.DomainChangeBody, AdminJson.Default.DomainView, ChangeAsync),
        Route.Of("DELETE", "/domains/{domain}", "removeDomain", "Removes a domain that is empty.", AdminJson.Default.DomainView, RemoveAsync),
        Route.Of(
            "GET", "/domains/{domain}/dns", "showDomainDns", "Shows the DNS records to publish, beside those that are published.",
            AdminJson.Default.DnsReport, DnsAsync),
        Route.Of(
            "GET", "/domains/{domain}/keys", "listSigningKeys", "Lists the keys that sign for a domain, never their secrets.",
            AdminJson.Default.SigningKeyList, KeysAsync),
        Route.Of(
            "POST", "/domains/{domain}/keys", "importSigningKey", "Takes a key that signed for the domain elsewhere.",
            AdminJson.Default.SigningKeyImportBody, AdminJson.Default.SigningKeyList, ImportKeyAsync) with { Status = StatusCodes.Status201Created },
        Route.Of(
            "POST", "/domains/{domain}/rotate-keys", "rotateSigningKeys", "Makes new keys, which sign once they are published.",
            AdminJson.Default.SigningKeyList, RotateKeysAsync),
    ];

    private static async ValueTask<Result<Page<DomainView>>> ListAsync(Call call)
    {
        var all = await call.Parts.Directory.Domains.ListAsync(call.By, call.Ct);
        var page = Paging.Cut(all, call, domain => domain.Name.Ascii, out var next);
        var items = new List<DomainView>(page.Count);
        foreach (var domain in page) items.Add(await ViewAsync(call, domain));
        return new Page<DomainView>(items, next);
    }

    private static async ValueTask<Result<DomainView>> AddAsync(Call call, NewDomainBody body)
    {
        var added = await call.Parts.Directory.Domains.AddAsync(call.By, Call.ToDomain(body.Name), call.Ct);
        if (added.TryGet(out var domain)) await call.Parts.Trust.Keys.EnsureAsync(domain.Name, call.Ct);
        return await ViewAsync(call, added);
    }

    private static async ValueTask<Result<DomainView>> ShowAsync(Call call) => await ViewAsync(call, await FindAsync(call));

    private static async ValueTask<Result<DomainView>> ChangeAsync(Call call, DomainChangeBody body)
    {
        var change = new DomainChange
        {
            PlusAddressing = body.PlusAddressing,
            CatchAll = body.CatchAll is not { } catchAll ? null
                : new Setting<EmailAddress>(catchAll.Length == 0 ? null : Call.ToAddress(catchAll)),
            Administrator = body.Administrator is not { } administrator ? null
                : new Setting<AccountId?>(administrator.Length == 0 ? null : await AccountAsync(call, administrator)),
            Disabled = body.Disabled,
            Dmarc = body.Dmarc,
            Scram = body.Scram,
            Login = body.Login,
            Mfa = body.Mfa,
        };
        return await ViewAsync(call, await call.Parts.Directory.Domains.ChangeAsync(call.By, call.KeyDomain(), change, call.Ct));
    }

    private static async ValueTask<Result<DomainView>> RemoveAsync(Call call)
    {
        var removed = await call.Parts.Directory.Domains.RemoveAsync(call.By, call.KeyDomain(), call.Ct);
        if (removed.Ok) await call.Parts.Trust.Keys.RemoveAsync(call.KeyDomain(), call.Ct);
        return await ViewAsync(call, removed);
    }

    private static async ValueTask<Result<DnsReport>> DnsAsync(Call call)
    {
        var domain = await FindAsync(call);
        var keys = await call.Parts.Trust.Keys.ListAsync(domain.Name, call.Ct);
        var sts = HostedSts.PolicyOf(await call.Parts.Tls.Hosted.ModeOfAsync(domain.Name, call.Ct), call.Parts.Facts.Hostname);
        IReadOnlyList<DnsRecord> records =
        [
            .. DnsRecords.For(domain.Name, call.Parts.Facts, keys), .. TlsRecords.For(domain.Name, call.Parts.Facts, sts, call.Parts.ServedKeys()),
        ];
        return await DnsComparison.RunAsync(call.Parts.Resolver, records, domain.Name, call.Ct);
    }

    private static async ValueTask<Result<SigningKeyList>> KeysAsync(Call call) => await KeysAsync(call, (await FindAsync(call)).Name);

    private static async ValueTask<Result<SigningKeyList>> ImportKeyAsync(Call call, SigningKeyImportBody body)
    {
        var domain = (await FindAsync(call)).Name;
        var imported = await call.Parts.Trust.Keys.ImportAsync(domain, body.Selector, body.Pem, call.Ct);
        return imported.Ok ? await KeysAsync(call, domain) : imported.Refusal!;
    }

    private static async ValueTask<Result<SigningKeyList>> RotateKeysAsync(Call call)
    {
        var domain = (await FindAsync(call)).Name;
        await call.Parts.Trust.Keys.RotateAsync(domain, call.Ct);
        return await KeysAsync(call, domain);
    }

    private static async ValueTask<SigningKeyList> KeysAsync(Call call, Domain domain) =>
        new([.. (await call.Parts.Trust.Keys.ListAsync(domain, call.Ct)).Select(static key =>
            new SigningKeyEntry(key.Name, key.Selector, key.Algorithm, key.State, key.Record, key.CreatedAt, key.ChangedAt))]);

    private static async ValueTask<LocalDomain> FindAsync(Call call)
    {
        var name = call.KeyDomain();
        call.By.Demand(name);
        return await call.Parts.Directory.Domains.FindAsync(name, call.Ct)
            ?? throw new RefusalException(new Refusal(RefusalKind.NotFound, $"{name} is not a domain of this server"));
    }

    private static async ValueTask<AccountId> AccountAsync(Call call, string address)
    {
        var wanted = Call.ToAddress(address);
        call.By.Demand(wanted.Domain);
        return (await call.Parts.Directory.Accounts.FindAsync(wanted, call.Ct))?.Id ?? throw Call.Invalid($"{wanted} is not an account");
    }

    private static async ValueTask<Result<DomainView>> ViewAsync(Call call, Result<LocalDomain> result) =>
        result.TryGet(out var domain) ? await ViewAsync(call, domain) : result.Refusal!;

    private static async ValueTask<DomainView> ViewAsync(Call call, LocalDomain domain)
    {
        var administrator = domain.Administrator is { } id ? await call.Parts.Directory.Accounts.FindAsync(id, call.Ct) : null;
        return new DomainView(
            domain.Name.Ascii, domain.Name.Unicode, domain.PlusAddressing, domain.CatchAll?.ToString(), administrator?.Address.ToString(),
            domain.CreatedAt, domain.DisabledAt, domain.Dmarc, domain.Scram, domain.Login, domain.Mfa);
    }
}
