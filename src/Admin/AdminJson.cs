using System.Text.Json;
using System.Text.Json.Serialization;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>Every shape of the API. In a body a member that is not known is an error; answers may get more of them.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    Converters =
    [
        typeof(WordConverter<AccountKind>), typeof(WordConverter<AccountState>), typeof(WordConverter<ClientProtocol>),
        typeof(WordConverter<ConnectionSecurity>), typeof(WordConverter<Disposition>), typeof(WordConverter<DmarcHandling>),
        typeof(WordConverter<DnsRecordState>), typeof(WordConverter<HopSecurity>), typeof(WordConverter<JourneyStep>),
        typeof(WordConverter<LoginOutcome>),
        typeof(WordConverter<QueueState>), typeof(WordConverter<ReportFaultKind>), typeof(WordConverter<ReportKind>), typeof(WordConverter<Role>),
        typeof(WordConverter<RouteAction>), typeof(WordConverter<RuleAction>), typeof(WordConverter<SigningKeyState>), typeof(WordConverter<StsMode>),
        typeof(WordConverter<TlsRequirement>), typeof(WordConverter<VerifyLineKind>),
    ])]
[JsonSerializable(typeof(AccountChangeBody))]
[JsonSerializable(typeof(AccountView))]
[JsonSerializable(typeof(AliasChangeBody))]
[JsonSerializable(typeof(AliasView))]
[JsonSerializable(typeof(BanView))]
[JsonSerializable(typeof(DestinationView))]
[JsonSerializable(typeof(DnsReport))]
[JsonSerializable(typeof(DomainChangeBody))]
[JsonSerializable(typeof(DomainView))]
[JsonSerializable(typeof(FactorView))]
[JsonSerializable(typeof(IssuedTokenView))]
[JsonSerializable(typeof(NewAccountBody))]
[JsonSerializable(typeof(NewAliasBody))]
[JsonSerializable(typeof(NewBanBody))]
[JsonSerializable(typeof(NewDomainBody))]
[JsonSerializable(typeof(NewPasswordLinkBody))]
[JsonSerializable(typeof(NewRouteBody))]
[JsonSerializable(typeof(NewRuleBody))]
[JsonSerializable(typeof(NewSuppressionBody))]
[JsonSerializable(typeof(NewTokenBody))]
[JsonSerializable(typeof(NewAppPasswordBody))]
[JsonSerializable(typeof(RevokeAppPasswordBody))]
[JsonSerializable(typeof(IssuedAppPasswordView))]
[JsonSerializable(typeof(Page<AppPasswordView>), TypeInfoPropertyName = "AppPasswordPage")]
[JsonSerializable(typeof(Page<AccountView>), TypeInfoPropertyName = "AccountPage")]
[JsonSerializable(typeof(Page<AliasView>), TypeInfoPropertyName = "AliasPage")]
[JsonSerializable(typeof(Page<BanView>), TypeInfoPropertyName = "BanPage")]
[JsonSerializable(typeof(Page<DestinationView>), TypeInfoPropertyName = "DestinationPage")]
[JsonSerializable(typeof(Page<DomainView>), TypeInfoPropertyName = "DomainPage")]
[JsonSerializable(typeof(Page<LoginView>), TypeInfoPropertyName = "LoginPage")]
[JsonSerializable(typeof(Page<QueueView>), TypeInfoPropertyName = "QueuePage")]
[JsonSerializable(typeof(Page<StoredReport>), TypeInfoPropertyName = "ReportPage")]
[JsonSerializable(typeof(Page<TlsOverrideView>), TypeInfoPropertyName = "TlsOverridePage")]
[JsonSerializable(typeof(Page<TlsResultRow>), TypeInfoPropertyName = "TlsResultPage")]
[JsonSerializable(typeof(Page<RouteView>), TypeInfoPropertyName = "RoutePage")]
[JsonSerializable(typeof(Page<RuleView>), TypeInfoPropertyName = "RulePage")]
[JsonSerializable(typeof(Page<SessionView>), TypeInfoPropertyName = "SessionPage")]
[JsonSerializable(typeof(Page<SuppressionView>), TypeInfoPropertyName = "SuppressionPage")]
[JsonSerializable(typeof(Page<TraceView>), TypeInfoPropertyName = "TracePage")]
[JsonSerializable(typeof(Page<TokenView>), TypeInfoPropertyName = "TokenPage")]
[JsonSerializable(typeof(PasswordBody))]
[JsonSerializable(typeof(PasswordLinkView))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(QueueDone))]
[JsonSerializable(typeof(QueueRouteBody))]
[JsonSerializable(typeof(QueueView))]
[JsonSerializable(typeof(ReadinessView))]
[JsonSerializable(typeof(ReportContent))]
[JsonSerializable(typeof(ReportSummary))]
[JsonSerializable(typeof(RuleView))]
[JsonSerializable(typeof(ServerView))]
[JsonSerializable(typeof(SessionsEnded))]
[JsonSerializable(typeof(SigningKeyImportBody))]
[JsonSerializable(typeof(SigningKeyList))]
[JsonSerializable(typeof(StoredReport))]
[JsonSerializable(typeof(StsBody))]
[JsonSerializable(typeof(StsView))]
[JsonSerializable(typeof(TlsOverrideBody))]
[JsonSerializable(typeof(TlsOverrideView))]
[JsonSerializable(typeof(TlsResultRow))]
[JsonSerializable(typeof(RouteView))]
[JsonSerializable(typeof(SuppressionView))]
[JsonSerializable(typeof(TokenView))]
[JsonSerializable(typeof(TraceView))]
[JsonSerializable(typeof(VerifyLine))]
public sealed partial class AdminJson : JsonSerializerContext;

/// <summary>Words in lower case: <c>domain-admin</c>. Numbers are not taken.</summary>
internal sealed class WordConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;
