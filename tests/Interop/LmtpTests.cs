namespace Posthorn.Interop;

/// <summary>LMTP on its own port, off unless the configuration says so, spoken by Python.</summary>
public sealed class LmtpTests : IAsyncLifetime
{
    private readonly PosthornServer _server = new();

    public ValueTask InitializeAsync()
    {
        _server.Settings["POSTHORN_LMTP_ENABLED"] = "true";
        return _server.InitializeAsync();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Python_hands_over_a_message_and_hears_of_each_recipient()
    {
        var one = await _server.AddPersonAsync();
        var other = await _server.AddPersonAsync();
        (await Peer.PythonAsync("send_lmtp.py", $"{_server.Lmtp}", one.Address, other.Address)).Require();
        foreach (var person in (Person[])[one, other])
        {
            var outcome = await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, "INBOX");
            Assert.Contains(" with LMTP", outcome.Require(), StringComparison.Ordinal);
        }
    }
}
