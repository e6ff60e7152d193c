using System.Buffers;
using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Imap;
using Posthorn.Store;

namespace Posthorn.Fuzz;

/// <summary>Writes a parsed command as a client would: one way for each meaning.</summary>
internal static class ImapText
{
    public static byte[] Of(string tag, Verb verb, Command command)
    {
        var output = new ArrayBufferWriter<byte>();
        var w = new WireWriter(output);
        w.Text(tag);
        w.Space();
        w.Text(verb.Name);
        Arguments(ref w, command);
        w.Commit();
        return output.WrittenSpan.ToArray();
    }

    private static void Arguments(ref WireWriter w, Command command)
    {
        switch (command)
        {
            case LoginCommand login: Words(ref w, login.User, Encoding.UTF8); w.Space(); w.String(login.Password); break;
            case AuthenticateCommand sasl: Sasl(ref w, sasl); break;
            case SelectCommand select: Select(ref w, select); break;
            case CreateCommand create: Create(ref w, create); break;
            case DeleteCommand delete: Mailbox(ref w, delete.Name); break;
            case RenameCommand rename: Mailbox(ref w, rename.From); Mailbox(ref w, rename.To); break;
            case SubscribeCommand subscribe: Mailbox(ref w, subscribe.Name); break;
            case StatusCommand status: Mailbox(ref w, status.Name); w.Text($" ({StatusWords(status.Items)})"); break;
            case ListCommand list: List(ref w, list); break;
            case AppendCommand append: Append(ref w, append); break;
            case ReplaceCommand replace: Replace(ref w, replace); break;
            case CompressCommand: w.Text(" DEFLATE"); break;
            case GenUrlAuthCommand urls: foreach (var (url, mechanism) in urls.Urls) Url(ref w, url, mechanism); break;
            case UrlFetchCommand urls: foreach (var url in urls.Urls) Url(ref w, url, null); break;
            case ResetKeyCommand { Mailbox: { } mailbox } reset: Mailbox(ref w, mailbox); w.Text(reset.IsKnown ? " INTERNAL" : " X"); break;
            case GetQuotaCommand quota: Words(ref w, quota.Root, Encoding.UTF8); break;
            case GetQuotaRootCommand root: Mailbox(ref w, root.Mailbox); break;
            case SetQuotaCommand quota: SetQuota(ref w, quota); break;
            case GetMetadataCommand get: GetMetadata(ref w, get); break;
            case SetMetadataCommand set: SetMetadata(ref w, set); break;
            case ExpungeCommand { Set: { } set }: Set(ref w, set); break;
            case CopyCommand copy: Set(ref w, copy.Set); Mailbox(ref w, copy.Target); break;
            case StoreCommand store: Store(ref w, store); break;
            case FetchCommand fetch: Set(ref w, fetch.Set); Fetch(ref w, fetch.Request); Modifiers(ref w, fetch.Modifiers); break;
            case SearchCommand search: Search(ref w, search); break;
            case SortCommand sort: Sort(ref w, sort); break;
            case ThreadCommand thread: Thread(ref w, thread); break;
            case NotifyCommand notify: Notify(ref w, notify); break;
            case EsearchCommand esearch: Esearch(ref w, esearch); break;
            case CancelUpdateCommand cancel: foreach (var tag in cancel.Tags) Words(ref w, "", tag); break;
            case UidBatchesCommand batches: UidBatches(ref w, batches); break;
            case IdCommand id: Oracle.Holds(id.Client.All(c => c is >= ' ' and <= '~'), "a client's name is printable"); w.Text(" NIL"); break;
            case EnableCommand enable: w.Text(enable.Extensions == Extensions.None ? " X" : EnableCommand.NamesOf(enable.Extensions)); break;
        }
    }

    private static void Words(ref WireWriter w, string text, Encoding encoding)
    {
        w.Space();
        w.Astring(encoding.GetBytes(text));
    }

    private static void Sasl(ref WireWriter w, AuthenticateCommand sasl)
    {
        w.Text(" " + sasl.Mechanism);
        if (sasl.Initial is { } initial) w.Text(initial.Length == 0 ? " =" : " " + Convert.ToBase64String(initial));
    }

    private static void Mailbox(ref WireWriter w, MailboxName name, bool first = false)
    {
        Oracle.Holds(MailboxName.WithInbox(name.Path) == name.Path || !name.IsWellFormed, "INBOX is written in one way");
        if (!first) w.Space();
        // One delimiter at the end is not part of the name.
        var path = name.Path.EndsWith(MailboxName.Delimiter) ? name.Path + MailboxName.Delimiter : name.Path;
        if (name.IsWellFormed) w.Mailbox(path, utf8: false);
        else w.String(Encoding.Latin1.GetBytes(path));
    }

    private static void UidBatches(ref WireWriter w, UidBatchesCommand batches)
    {
        w.Text(string.Create(CultureInfo.InvariantCulture, $" {batches.Size}"));
        if (batches.Batches is { } some) w.Text(string.Create(CultureInfo.InvariantCulture, $" {some.First}:{some.Last}"));
    }

    private static void Select(ref WireWriter w, SelectCommand select)
    {
        Mailbox(ref w, select.Name);
        if (select is { CondStore: false, QResync: null }) return;
        w.Text(select.CondStore ? " (CONDSTORE" : " (");
        if (select.CondStore && select.QResync is not null) w.Space();
        if (select.QResync is { } known)
        {
            w.Text(string.Create(CultureInfo.InvariantCulture, $"QRESYNC ({known.UidValidity} {known.ModSeq.Value}"));
            if (known.Uids is { } uids) Set(ref w, uids);
            if (known.Match is { } match) w.Text($" ({Text(match.Numbers)} {Text(match.Uids)})");
            w.Byte((byte)')');
        }
        w.Byte((byte)')');
    }

    private static void Create(ref WireWriter w, CreateCommand create)
    {
        Mailbox(ref w, create.Name);
        if (create.Role is { } role) w.Text($" (USE ({SpecialUse.Attribute(role)}))");
        else if (!create.RoleIsKnown) w.Text(" (USE (\\Unknown))");
    }

    // The names of the bits are the words of the grammar.
    private static string Words(Enum bits) => bits.ToString().ToUpperInvariant().Replace(",", "", StringComparison.Ordinal);

    private static string StatusWords(StatusItems items) => Words(items).Replace("DELETEDSTORAGE", "DELETED-STORAGE", StringComparison.Ordinal);

    private static void List(ref WireWriter w, ListCommand list)
    {
        var names = new Dictionary<ListSelection, string>
        {
            [ListSelection.Subscribed] = "SUBSCRIBED",
            [ListSelection.Remote] = "REMOTE",
            [ListSelection.RecursiveMatch] = "RECURSIVEMATCH",
            [ListSelection.SpecialUse] = "SPECIAL-USE",
        };
        if (!list.Lsub) w.Text($" ({string.Join(' ', names.Where(n => list.Selection.HasFlag(n.Key)).Select(n => n.Value))})");
        w.Space();
        w.Mailbox(list.Reference, utf8: false);
        w.Text(list.Lsub ? " " : " (");
        for (var i = 0; i < list.Patterns.Count; i++)
        {
            if (i > 0) w.Space();
            w.String(ModifiedUtf7.Encode(list.Patterns[i]));
        }
        if (list.Lsub) return;
        w.Text(") RETURN (");
        w.Text(list.Return.HasFlag(ListReturn.Subscribed) ? "SUBSCRIBED" : "CHILDREN");
        if (list.Status != StatusItems.None) w.Text($" STATUS ({StatusWords(list.Status)})");
        if (list.Entries.Count > 0)
        {
            w.Text(" METADATA ");
            Entries(ref w, list.Entries);
        }
        w.Byte((byte)')');
    }

    private static void Append(ref WireWriter w, AppendCommand append)
    {
        Mailbox(ref w, append.Mailbox);
        foreach (var message in append.Messages) Message(ref w, message);
    }

    private static void Replace(ref WireWriter w, ReplaceCommand replace)
    {
        w.Text(string.Create(CultureInfo.InvariantCulture, $" {replace.Number}"));
        Mailbox(ref w, replace.Mailbox);
        Message(ref w, replace.Message);
    }

    private static void Message(ref WireWriter w, AppendMessage message)
    {
        w.Space();
        Flags(ref w, message.Flags);
        w.Space();
        if (message.ReceivedAt is { } time)
        {
            ImapDate.Write(ref w, time);
            w.Space();
        }
        Oracle.Holds(message.IsCatenated || message.Pieces.Count == 1, "a message that is not put together has one piece");
        if (message.IsCatenated) w.Raw("CATENATE ("u8);
        if (message.IsUtf8) w.Raw("UTF8 ("u8);
        for (var i = 0; i < message.Pieces.Count; i++)
        {
            if (i > 0) w.Space();
            if (message.IsCatenated) w.Raw(message.Pieces[i].Literal is null ? "URL "u8 : "TEXT "u8);
            if (message.Pieces[i].Literal is { } literal) Literal(ref w, literal);
            else w.Astring(Encoding.Latin1.GetBytes(message.Pieces[i].Url));
        }
        if (message.IsCatenated || message.IsUtf8) w.Byte((byte)')');
    }

    private static void Literal(ref WireWriter w, LiteralRef literal)
    {
        if (literal.IsBinary) w.Byte((byte)'~');
        if (literal.Octets is not { } octets)
        {
            w.Raw([ImapGrammar.StagedMark, (byte)literal.Number]);
            return;
        }
        w.LiteralHead(octets.Length);
        w.Raw(octets);
    }

    private static void Url(ref WireWriter w, string url, string? mechanism)
    {
        w.Space();
        w.String(Encoding.Latin1.GetBytes(url));
        if (mechanism is not null) w.Text(" " + mechanism);
    }

    private static void SetQuota(ref WireWriter w, SetQuotaCommand quota)
    {
        Words(ref w, quota.Root, Encoding.UTF8);
        var limits = new List<string>();
        if (quota.Octets is { } octets) limits.Add(string.Create(CultureInfo.InvariantCulture, $"STORAGE {octets / 1024}"));
        if (quota.Messages is { } messages) limits.Add(string.Create(CultureInfo.InvariantCulture, $"MESSAGE {messages}"));
        if (quota.Unknown is { } unknown) limits.Add($"{unknown} 0");
        w.Text($" ({string.Join(' ', limits)})");
    }

    private static void GetMetadata(ref WireWriter w, GetMetadataCommand get)
    {
        var depth = get.Depth == int.MaxValue ? "infinity" : get.Depth.ToString(CultureInfo.InvariantCulture);
        var size = get.OctetsMax is { } octets ? string.Create(CultureInfo.InvariantCulture, $" MAXSIZE {octets}") : "";
        w.Text($" (DEPTH {depth}{size})");
        Mailbox(ref w, get.Mailbox);
        w.Space();
        Entries(ref w, get.Entries);
    }

    private static void Entries(ref WireWriter w, IReadOnlyList<string> entries)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            w.Byte(i == 0 ? (byte)'(' : (byte)' ');
            w.Astring(Encoding.ASCII.GetBytes(entries[i]));
        }
        w.Byte((byte)')');
    }

    private static void SetMetadata(ref WireWriter w, SetMetadataCommand set)
    {
        Mailbox(ref w, set.Mailbox);
        for (var i = 0; i < set.Annotations.Count; i++)
        {
            w.Raw(i == 0 ? " ("u8 : " "u8);
            w.Astring(Encoding.ASCII.GetBytes(set.Annotations[i].Entry));
            w.Space();
            if (set.Annotations[i].Value is { } value) w.String8(value);
            else w.Nil();
        }
        w.Byte((byte)')');
    }

    private static void Flags(ref WireWriter w, FlagList flags)
    {
        string[] system = [.. Enum.GetValues<SystemFlags>().Where(f => f != 0 && flags.System.HasFlag(f)).Select(f => "\\" + f)];
        w.Text($"({string.Join(' ', [.. system, .. flags.Keywords])})");
    }

    private static void Set(ref WireWriter w, SequenceSet set)
    {
        w.Space();
        w.Text(Text(set));
    }

    private static string Text(SequenceSet set) =>
        set.IsSaved ? "$" : string.Join(',', set.Resolve(uint.MaxValue).Select(r => $"{r.First}:{r.Last}"));

    private static void Store(ref WireWriter w, StoreCommand store)
    {
        Set(ref w, store.Set);
        if (store.UnchangedSince is { } since) w.Text(string.Create(CultureInfo.InvariantCulture, $" (UNCHANGEDSINCE {since.Value})"));
        w.Text(store.Operation switch { FlagOperation.Add => " +FLAGS", FlagOperation.Remove => " -FLAGS", _ => " FLAGS" });
        w.Text(store.Silent ? ".SILENT " : " ");
        Flags(ref w, store.Flags);
    }

    private static void Fetch(ref WireWriter w, FetchRequest request)
    {
        var names = new (FetchItems Item, string Name)[]
        {
            (FetchItems.Uid, "UID"), (FetchItems.Flags, "FLAGS"), (FetchItems.InternalDate, "INTERNALDATE"), (FetchItems.Size, "RFC822.SIZE"),
            (FetchItems.Envelope, "ENVELOPE"), (FetchItems.Body, "BODY"), (FetchItems.BodyStructure, "BODYSTRUCTURE"),
            (FetchItems.ModSeq, "MODSEQ"), (FetchItems.EmailId, "EMAILID"), (FetchItems.ThreadId, "THREADID"), (FetchItems.SaveDate, "SAVEDATE"),
            (FetchItems.Preview, "PREVIEW"),
        };
        w.Text(" (" + string.Join(' ', names.Where(n => request.Items.HasFlag(n.Item)).Select(n => n.Name)));
        var first = request.Items == FetchItems.None;
        foreach (var section in request.Sections)
        {
            if (!first) w.Space();
            first = false;
            // The label of the reply says what was asked for, but for PEEK and the number of octets.
            var label = Encoding.Latin1.GetString(section.Label);
            if (section.Peek && label.StartsWith("BODY[", StringComparison.Ordinal)) label = "BODY.PEEK" + label[4..];
            if (section.Peek && label.StartsWith("BINARY[", StringComparison.Ordinal)) label = "BINARY.PEEK" + label[6..];
            if (section.Offset is not null) label = string.Create(CultureInfo.InvariantCulture, $"{label[..^1]}.{section.Count}>");
            w.Raw(Encoding.Latin1.GetBytes(label));
        }
        w.Byte((byte)')');
    }

    private static void Modifiers(ref WireWriter w, FetchModifiers modifiers)
    {
        var words = new List<string>();
        if (modifiers.ChangedSince is { } since) words.Add(string.Create(CultureInfo.InvariantCulture, $"CHANGEDSINCE {since.Value}"));
        if (modifiers.Vanished) words.Add("VANISHED");
        if (modifiers.Partial is { } partial) words.Add($"PARTIAL {partial}");
        if (words.Count > 0) w.Text($" ({string.Join(' ', words)})");
    }

    private static void Search(ref WireWriter w, SearchCommand search)
    {
        Return(ref w, search.Request.Options);
        if (search.Request.Charset is { } charset) Words(ref w, "CHARSET", charset);
        w.Space();
        Program(ref w, search.Request.Program);
    }

    private static void Sort(ref WireWriter w, SortCommand sort)
    {
        Return(ref w, sort.Request.Options);
        w.Text($" ({string.Join(' ', sort.Criteria.Select(c => (c.Reverse ? "REVERSE " : "") + Words(c.Field)))})");
        Words(ref w, "", sort.Request.Charset!);
        w.Space();
        Program(ref w, sort.Request.Program);
    }

    private static void Thread(ref WireWriter w, ThreadCommand thread)
    {
        w.Text(" " + Words(thread.Algorithm));
        Words(ref w, "", thread.Request.Charset!);
        w.Space();
        Program(ref w, thread.Request.Program);
    }

    private static void Notify(ref WireWriter w, NotifyCommand notify)
    {
        w.Text(notify.Groups.Count == 0 ? " NONE" : notify.TellsStatus ? " SET STATUS" : " SET");
        foreach (var group in notify.Groups)
        {
            w.Raw(" ("u8);
            Source(ref w, group.Mailboxes);
            var events = new List<string>();
            if (group.HasUnknown) events.Add("x");
            if (group.Events != NotifyEvents.None) events.Add(Words(group.Events));
            if (group.Fetch is not null) events.Add(""); // behind MessageNew, which is named again
            if (events.Count == 0)
            {
                w.Raw(" NONE)"u8);
                continue;
            }
            w.Text(" (" + string.Join(' ', events));
            if (group.Fetch is { } fetch)
            {
                w.Raw("MessageNew"u8);
                Fetch(ref w, fetch);
            }
            w.Raw("))"u8);
        }
    }

    private static void Source(ref WireWriter w, MailboxSelection source)
    {
        w.Text(source.Kind switch
        {
            MailboxSource.SubtreeOne => "subtree-one",
            MailboxSource.SelectedDelayed => "selected-delayed",
            _ => Words(source.Kind),
        });
        if (source.Paths.Count == 0) return;
        w.Text(" (");
        for (var j = 0; j < source.Paths.Count; j++) Mailbox(ref w, source.Paths[j], first: j == 0);
        w.Byte((byte)')');
    }

    private static void Esearch(ref WireWriter w, EsearchCommand esearch)
    {
        for (var i = 0; i < esearch.Sources.Count; i++)
        {
            w.Text(i == 0 ? " IN (" : " ");
            Source(ref w, esearch.Sources[i]);
        }
        if (esearch.Sources.Count > 0) w.Byte((byte)')');
        Return(ref w, esearch.Request.Options);
        if (esearch.Request.Charset is { } charset) Words(ref w, "CHARSET", charset);
        w.Space();
        Program(ref w, esearch.Request.Program);
    }

    private static void Words(ref WireWriter w, string name, string text)
    {
        if (name.Length > 0) w.Text(" " + name);
        w.Space();
        w.String(Encoding.Latin1.GetBytes(text));
    }

    private static void Return(ref WireWriter w, SearchOptions options)
    {
        if (options.Return == SearchReturn.None) return;
        var words = Words(options.Return);
        var update = options.Fetch is null ? -1 : words.IndexOf("UPDATE", StringComparison.Ordinal) + "UPDATE".Length;
        w.Text(" RETURN (" + (update < 0 ? words : words[..update]));
        if (options.Fetch is { } fetch)
        {
            Fetch(ref w, fetch);
            w.Text(words.AsSpan(update));
        }
        if (options.Has(SearchReturn.Partial)) w.Text($" {options.Partial}"); // the last one of the names
        w.Byte((byte)')');
    }

    private static void Program(ref WireWriter w, SearchKey program)
    {
        if (program is AndKey and) Keys(ref w, and);
        else Key(ref w, program);
    }

    private static void Keys(ref WireWriter w, AndKey and)
    {
        for (var i = 0; i < and.Keys.Count; i++)
        {
            if (i > 0) w.Space();
            Key(ref w, and.Keys[i]);
        }
    }

    private static void Key(ref WireWriter w, SearchKey key)
    {
        switch (key)
        {
            case AndKey { Keys: [RecentKey { Wanted: true }, FlagKey { Flag: SystemFlags.Seen, Wanted: false }] }: w.Text("NEW"); break;
            case AndKey and: w.Byte((byte)'('); Keys(ref w, and); w.Byte((byte)')'); break;
            case OrKey or: w.Text("OR "); Key(ref w, or.Left); w.Space(); Key(ref w, or.Right); break;
            case NotKey not: w.Text("NOT "); Key(ref w, not.Key); break;
            case ConstantKey constant: Oracle.Holds(constant.Value, "no key matches nothing"); w.Text("ALL"); break;
            case RecentKey recent: w.Text(recent.Wanted ? "RECENT" : "OLD"); break;
            case FlagKey flag: w.Text((flag.Wanted ? "" : "UN") + flag.Flag.ToString().ToUpperInvariant()); break;
            case KeywordKey keyword: w.Text((keyword.Wanted ? "KEYWORD " : "UNKEYWORD ") + keyword.Keyword); break;
            case NumberKey number: w.Text(number.ByUid ? "UID" : ""); Number(ref w, number); break;
            case SizeKey size: w.Text(string.Create(CultureInfo.InvariantCulture, $"{(size.Larger ? "LARGER" : "SMALLER")} {size.Octets}")); break;
            case ModSeqKey modSeq: w.Text(string.Create(CultureInfo.InvariantCulture, $"MODSEQ {modSeq.Since.Value}")); break;
            case ObjectIdKey id: w.Text((id.IsThread ? "THREADID " : "EMAILID ") + id.Id); break;
            case AgeKey age: w.Text(string.Create(CultureInfo.InvariantCulture, $"{(age.Older ? "OLDER" : "YOUNGER")} {age.Seconds}")); break;
            case DateKey date:
                w.Text((date.Kind == DateKind.Received ? "" : Words(date.Kind)) + Words(date.Relation));
                Date(ref w, date.Date);
                break;
            case AddressKey address: w.Text(address.Field.ToString().ToUpperInvariant()); Words(ref w, address.Needle, Encoding.UTF8); break;
            case SubjectKey subject: w.Text("SUBJECT"); Words(ref w, subject.Needle, Encoding.UTF8); break;
            case HeaderKey header: w.Text("HEADER"); Words(ref w, header.Field, Encoding.Latin1); Words(ref w, header.Needle, Encoding.UTF8); break;
            case TextKey text: w.Text(text.WithHeader ? "TEXT" : "BODY"); Words(ref w, text.Needle, Encoding.UTF8); break;
            default: throw new OracleException($"{key.GetType().Name} is no search key that can be written");
        }
    }

    private static void Date(ref WireWriter w, DateOnly date) => w.Text(date.ToString(" d-MMM-yyyy", CultureInfo.InvariantCulture));

    private static void Number(ref WireWriter w, NumberKey number)
    {
        if (number.ByUid) Set(ref w, number.Set);
        else w.Text(Text(number.Set));
    }
}
