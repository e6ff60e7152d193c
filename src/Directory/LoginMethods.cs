namespace Posthorn.Directory;

/// <summary>How a person proved who they are. The numbers are stored.</summary>
[Flags]
public enum LoginMethods
{
    None = 0,
    Password = 1,

    /// <summary>A code of an authenticator program (RFC 6238).</summary>
    Totp = 2,

    /// <summary>One of the codes that are kept for a lost second factor.</summary>
    RecoveryCode = 4,

    /// <summary>A passkey whose device checked its user, which is two factors in one.</summary>
    Passkey = 8,

    /// <summary>The organisation's identity provider vouches.</summary>
    Provider = 16,

    /// <summary>The identity provider says that it asked for more than one factor.</summary>
    ProviderMfa = 32,

    /// <summary>A link that an administrator handed over.</summary>
    Link = 64,
}

/// <summary>What follows from the methods of a log-in.</summary>
public static class LoginMethodsReading
{
    private const LoginMethods SecondFactors = LoginMethods.Totp | LoginMethods.RecoveryCode | LoginMethods.Passkey;

    extension(LoginMethods methods)
    {
        /// <summary>Two factors of different kinds, or a provider that says so.</summary>
        public bool IsMfa => (methods & (LoginMethods.Passkey | LoginMethods.ProviderMfa)) != 0
            || ((methods & (LoginMethods.Password | LoginMethods.Provider)) != 0 && (methods & SecondFactors) != 0);

        /// <summary>The values of the claim <c>amr</c> (RFC 8176 §2).</summary>
        public IReadOnlyList<string> Amr
        {
            get
            {
                var names = new List<string>();
                if (methods.HasFlag(LoginMethods.Password)) names.Add("pwd");
                if ((methods & (LoginMethods.Totp | LoginMethods.RecoveryCode)) != 0) names.Add("otp");
                if (methods.HasFlag(LoginMethods.Passkey)) names.AddRange(["pop", "user"]);
                if (methods.IsMfa) names.Add("mfa");
                return names;
            }
        }
    }
}
