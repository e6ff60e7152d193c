using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>The methods of this server. A method is a file and a line here.</summary>
internal static class Methods
{
    public static IReadOnlyList<Method> All { get; } =
    [
        new("Core/echo", Capabilities.Core, CoreEcho.RunAsync),
        new("Mailbox/get", Capabilities.Mail, MailboxGet.RunAsync),
        new("Mailbox/changes", Capabilities.Mail, MailboxChanges.RunAsync),
        new("Mailbox/query", Capabilities.Mail, MailboxQuery.RunAsync),
        new("Mailbox/queryChanges", Capabilities.Mail, MailboxQuery.RunChangesAsync),
        new("Mailbox/set", Capabilities.Mail, MailboxSet.RunAsync),
        new("Thread/get", Capabilities.Mail, ThreadGet.RunAsync),
        new("Thread/changes", Capabilities.Mail, call => ChangesMethod.RunAsync(
            call, ObjectKind.Thread, static (account, id) => ObjectId.Of(account, new ThreadId(id)))),
        new("Email/get", Capabilities.Mail, EmailGet.RunAsync),
        new("Email/changes", Capabilities.Mail, call => ChangesMethod.RunAsync(
            call, ObjectKind.Email, static (account, id) => ObjectId.Of(account, new EmailId(id)))),
        new("Email/query", Capabilities.Mail, EmailQuery.RunAsync),
        new("Email/queryChanges", Capabilities.Mail, EmailQueryChanges.RunAsync),
        new("Email/set", Capabilities.Mail, EmailSet.RunAsync),
        new("Email/copy", Capabilities.Mail, EmailCopy.RunAsync),
        new("Email/import", Capabilities.Mail, EmailImport.RunAsync),
        new("Email/parse", Capabilities.Mail, EmailParse.RunAsync),
        new("SearchSnippet/get", Capabilities.Mail, SearchSnippetGet.RunAsync),
    ];
}
