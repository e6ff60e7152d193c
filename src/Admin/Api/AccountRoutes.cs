using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>The accounts: people, services, groups, resources.</summary>
internal static class AccountRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/accounts", "listAccounts", "Lists the accounts, removed ones included.", AdminJson.Default.AccountPage, ListAsync)
            with { Query = [QueryParameter.Domain, QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "POST", "/accounts", "addAccount", "Opens an account with its mailboxes and aliases.",
            AdminJson.Default.NewAccountBody, AdminJson.Default.AccountView, AddAsync) with { Status = StatusCodes.Status201Created },
        Route.Of("GET", "/accounts/{address}", "showAccount", "Shows an account.", AdminJson.Default.AccountView, ShowAsync),
        Route.Of(
            "PATCH", "/accounts/{address}", "changeAccount", "Changes an account.",
            AdminJson.Default.AccountChangeBody, AdminJson.Default.AccountView, ChangeAsync),
        Route.Of(
            "DELETE", "/accounts/{address}", "removeAccount", "Removes an account; its data is kept for 30 days.", AdminJson.Default.AccountView,
            call => DoAsync(call, call.Parts.Directory.Accounts.RemoveAsync)),
        Route.Of(
            "POST", "/accounts/{address}/restore", "restoreAccount", "Takes a removal back.", AdminJson.Default.AccountView,
            call => DoAsync(call, call.Parts.Directory.Accounts.RestoreAsync)),
        Route.Of(
            "POST", "/accounts/{address}/disable", "disableAccount", "Ends log-ins and refuses mail.", AdminJson.Default.AccountView,
            call => DoAsync(call, call.Parts.Directory.Accounts.DisableAsync)),
        Route.Of(
            "POST", "/accounts/{address}/enable", "enableAccount", "Takes a disabling back.", AdminJson.Default.AccountView,
            call => DoAsync(call, call.Parts.Directory.Accounts.EnableAsync)),
        Route.Of(
            "PUT", "/accounts/{address}/password", "setPassword", "Sets an account's password.",
            AdminJson.Default.PasswordBody, AdminJson.Default.AccountView, SetPasswordAsync),
    ];

    private static async ValueTask<Result<Page<AccountView>>> ListAsync(Call call)
    {
        var all = await call.Parts.Directory.Accounts.ListAsync(call.By, call.QueryDomain(), call.Ct);
        var page = Paging.Cut(all, call, account => account.Address.Key, out var next);
        var items = new List<AccountView>(page.Count);
        foreach (var account in page) items.Add(await ViewAsync(call, account, null));
        return new Page<AccountView>(items, next);
    }

    private static async ValueTask<Result<AccountView>> AddAsync(Call call, NewAccountBody body)
    {
        var password = body.Password is { } text ? Encoding.UTF8.GetBytes(text) : null;
        var wanted = new NewAccount(Call.ToAddress(body.Address))
        {
            Name = Call.ToName(body.Name),
            Kind = body.Kind,
            Role = body.Role,
            QuotaBytes = body.Quota?.Bytes,
            QuotaMessages = body.Quota?.Messages,
            Password = password is null ? null : (ReadOnlyMemory<byte>?)password,
            Aliases = [.. (body.Aliases ?? []).Select(Call.ToAddress)],
        };
        var added = await call.Parts.Directory.Accounts.AddAsync(call.By, wanted, call.Ct);
        CryptographicOperations.ZeroMemory(password);
        return await DetailAsync(call, added);
    }

    private static async ValueTask<Result<AccountView>> ShowAsync(Call call)
    {
        var address = call.KeyAddress();
        call.By.Demand(address.Domain);
        if (await call.Parts.Directory.Accounts.FindAsync(address, call.Ct) is not { } account)
        {
            return new Refusal(RefusalKind.NotFound, $"{address} is not an account");
        }
        return await DetailAsync(call, account);
    }

    private static async ValueTask<Result<AccountView>> ChangeAsync(Call call, AccountChangeBody body)
    {
        var change = new AccountChange
        {
            Name = body.Name is { } name ? Call.ToName(name) : null,
            Role = body.Role,
            Quota = body.Quota is { } quota ? new Quota(quota.Bytes, quota.Messages) : null,
            Sending = body.Sending is { } sending ? new OwnSendingLimits(sending.Messages, sending.Recipients, sending.FirstTime) : null,
            SendAs = body.SendAs,
        };
        return await DetailAsync(call, await call.Parts.Directory.Accounts.ChangeAsync(call.By, call.KeyAddress(), change, call.Ct));
    }

    private static async ValueTask<Result<AccountView>> SetPasswordAsync(Call call, PasswordBody body)
    {
        var password = Encoding.UTF8.GetBytes(body.Password);
        var changed = await call.Parts.Directory.Accounts.SetPasswordAsync(call.By, call.KeyAddress(), password, call.Ct);
        CryptographicOperations.ZeroMemory(password);
        return await DetailAsync(call, changed);
    }

    private static async ValueTask<Result<AccountView>> DoAsync(
        Call call, Func<Authority, EmailAddress, CancellationToken, ValueTask<Result<Account>>> change) =>
        await DetailAsync(call, await change(call.By, call.KeyAddress(), call.Ct));

    private static async ValueTask<Result<AccountView>> DetailAsync(Call call, Result<Account> result)
    {
        if (!result.TryGet(out var account)) return result.Refusal!;
        var aliases = await call.Parts.Directory.Aliases.ListAsync(call.By, null, call.Ct);
        var own = aliases.Where(alias => alias.Targets.Any(target => target.Key == account.Address.Key));
        return await ViewAsync(call, account, [.. own.Select(alias => alias.Address.ToString())]);
    }

    private static AccountState StateOf(Account account) => account switch
    {
        { RemovedAt: not null } => AccountState.Removed,
        { DisabledAt: not null } => AccountState.Disabled,
        _ => AccountState.Active,
    };

    private static async ValueTask<AccountView> ViewAsync(Call call, Account account, IReadOnlyList<string>? aliases)
    {
        var usage = account.HasMailbox ? await call.Parts.Store.QuotaAsync(account.Id, call.Ct) : null;
        return new AccountView(
            account.Id.Value,
            account.Address.ToString(),
            account.Name,
            account.Kind,
            account.Role,
            StateOf(account),
            new QuotaView(account.QuotaBytes, account.QuotaMessages),
            usage is { } used ? new UsageView(used.SizeBytes, used.Messages) : null,
            aliases,
            account.CreatedAt,
            account.DisabledAt,
            account.RemovedAt,
            new SendingView(account.Sending.Messages, account.Sending.Recipients, account.Sending.FirstTime),
            aliases is null ? null : await call.Parts.Directory.Accounts.SendAsAsync(account.Id, call.Ct));
    }
}
