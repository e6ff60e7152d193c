using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class VerdictTests
{
    [Theory]
    [InlineData(AuthResult.None, "none")]
    [InlineData(AuthResult.SoftFail, "softfail")]
    [InlineData(AuthResult.TempError, "temperror")]
    public void A_result_has_the_word_of_the_header_field(AuthResult result, string word) => Assert.Equal(word, result.Keyword());
}
