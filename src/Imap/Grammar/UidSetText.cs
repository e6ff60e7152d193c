using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>Writes a uid-set (RFC 4315 §4): runs of neighbours become ranges, the order stays.</summary>
internal sealed class UidSetText
{
    private readonly StringBuilder _text = new();
    private uint _first;
    private uint _last;

    /// <summary>Ranges so far.</summary>
    public int Ranges { get; private set; }

    public void Clear()
    {
        _text.Clear();
        _first = _last = 0;
        Ranges = 0;
    }

    public void Add(Uid uid)
    {
        if (_last != 0 && uid.Value == _last + 1)
        {
            _last = uid.Value;
            return;
        }
        Close();
        _first = _last = uid.Value;
        Ranges++;
    }

    public override string ToString()
    {
        Close();
        _first = _last = 0;
        return _text.ToString();
    }

    private void Close()
    {
        if (_last == 0) return;
        if (_text.Length > 0) _text.Append(',');
        _text.Append(CultureInfo.InvariantCulture, $"{_first}");
        if (_last > _first) _text.Append(CultureInfo.InvariantCulture, $":{_last}");
    }
}
