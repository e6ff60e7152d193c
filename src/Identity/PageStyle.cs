using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Identity;

/// <summary>
/// The one style of all pages: light and dark by the reader's system, from a telephone's width up, without a font or an image to load.
/// </summary>
internal static class PageStyle
{
    public static Html Text { get; } = Html.Of($$$"""
        :root{color-scheme:light dark;--ground:#f7f5f0;--card:#fff;--ink:#1f2328;--soft:#5a6169;--line:#dfdbd2;--edge:#8d8a83;
        --brand:#7d5200;--brass:#d49a2a;--press:#7d5200;--on-press:#fff;--bad:#a3261b;--bad-ground:#fdf0ee;--good:#1f6b3a;--good-ground:#eef7f0;
        --shade:0 1px 2px rgb(60 50 30/.06),0 8px 24px -12px rgb(60 50 30/.12)}
        @media(prefers-color-scheme:dark){:root{--ground:#15171a;--card:#1e2125;--ink:#eceae5;--soft:#a9adb3;--line:#34383e;--edge:#6f757d;
        --brand:#f0c064;--brass:#f0c064;--press:#f0c064;--on-press:#241a06;--bad:#ff9d92;--bad-ground:#2c1c1b;--good:#8fd6a6;--good-ground:#18251d;
        --shade:none}}
        *{box-sizing:border-box}
        [hidden]{display:none!important}
        html{scroll-padding-top:1rem}
        body{margin:0;background:var(--ground);color:var(--ink);min-height:100vh;display:flex;flex-direction:column;
        font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
        .skip{position:absolute;left:-99rem}
        .skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.5rem 1rem;z-index:1}
        .bar,main,footer{width:100%;max-width:48rem;margin:0 auto;padding:0 1.25rem}
        main{padding-top:clamp(1.75rem,5vw,3rem);flex:1 0 auto}
        .narrow main{max-width:27.5rem;padding-top:clamp(2rem,9vh,6rem)}
        .bar{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;padding-top:1rem;padding-bottom:1rem}
        .bar>a{display:flex;align-items:center;gap:.6rem;font-weight:650;color:inherit;text-decoration:none;letter-spacing:-.01em}
        .bar .who{margin-left:auto;color:var(--soft);font-size:.95rem;overflow-wrap:anywhere}
        .horn{display:block;width:2rem;height:2rem;color:var(--brass);flex:none}
        .narrow .horn,.first .horn{width:3rem;height:3rem}
        .tabs{border-bottom:1px solid var(--line)}
        .tabs ul{display:flex;gap:.15rem;list-style:none;margin:0 auto;padding:0 .75rem;max-width:48rem;overflow-x:auto;scrollbar-width:thin}
        .tabs a{display:block;padding:.6rem .5rem .55rem;color:var(--soft);text-decoration:none;white-space:nowrap;
        border-bottom:3px solid transparent}
        .tabs a:hover{color:var(--ink)}
        .tabs a[aria-current]{color:var(--ink);font-weight:600;border-color:var(--brass)}
        h1{font-size:clamp(1.55rem,5vw,2.1rem);line-height:1.18;letter-spacing:-.018em;margin:0 0 .5rem;overflow-wrap:anywhere;text-wrap:balance}
        .narrow h1,.first h1{margin-top:1rem}
        h2{font-size:1.08rem;line-height:1.3;margin:0 0 .6rem}
        section+section{margin-top:1.25rem}
        p{margin:.5rem 0;max-width:40rem}
        .lead{color:var(--soft);font-size:1.06rem;margin-bottom:1.5rem;text-wrap:pretty}
        .soft{color:var(--soft)}
        .small{font-size:.92rem}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:1rem;margin:1.5rem 0 1rem}
        .cards>section{margin:0}
        .card{background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:1.2rem 1.3rem;box-shadow:var(--shade)}
        .card>:last-child{margin-bottom:0}
        .wide{grid-column:1/-1}
        a.card{display:block;color:inherit;text-decoration:none}
        a.card:hover{border-color:var(--brass)}
        a.card p{margin:.15rem 0 0}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.1rem;margin:0}
        dt{color:var(--soft)}
        dd{margin:0;font-weight:600;overflow-wrap:anywhere}
        ul.rows{list-style:none;margin:0;padding:0}
        ul.rows>li{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;padding:.95rem 0;border-top:1px solid var(--line)}
        ul.rows>li:first-child{border:0;padding-top:.2rem}
        ul.rows>li:last-child{padding-bottom:.2rem}
        ul.rows .what{flex:1 1 16rem;min-width:0;overflow-wrap:anywhere}
        ul.rows .what strong{display:block}
        .badge{display:inline-block;font-size:.8rem;font-weight:600;padding:.1rem .55rem;border-radius:1rem;border:1px solid var(--line);
        color:var(--soft);vertical-align:.1em;white-space:nowrap}
        .badge.good{color:var(--good);background:var(--good-ground);border-color:transparent}
        .badge.bad{color:var(--bad);background:var(--bad-ground);border-color:transparent}
        details{border-top:1px solid var(--line);padding:.9rem 0}
        details+details{margin-top:-1px}
        .card details{margin-top:1rem;padding-bottom:0}
        summary{cursor:pointer;font-weight:600}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;margin:.75rem 0 .25rem;width:100%}
        th,td{text-align:left;padding:.45rem 1rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        tr:last-child td{border:0}
        th{color:var(--soft);font-weight:500}
        a{color:var(--brand);text-underline-offset:.15em}
        form.line{display:inline}
        .field{margin:0 0 1.1rem}
        .field label,legend{display:block;font-weight:600;margin-bottom:.3rem;padding:0}
        .field .hint{display:block;color:var(--soft);font-size:.92rem;margin:-.1rem 0 .35rem}
        .field .wrong{display:block;color:var(--bad);font-weight:600;font-size:.95rem;margin-bottom:.35rem}
        fieldset{border:0;margin:0 0 1.1rem;padding:0;min-width:0}
        fieldset label,.tick{display:flex;gap:.6rem;align-items:baseline;font-weight:400;margin:0 0 .3rem;padding:.15rem 0}
        input[type=checkbox],input[type=radio]{accent-color:var(--press);width:1.1rem;height:1.1rem;margin:0;flex:none;translate:0 .15rem}
        input:not([type=checkbox]):not([type=radio]),select,textarea{font:inherit;color:inherit;background:var(--card);width:100%;
        border:1px solid var(--edge);border-radius:.5rem;padding:.62rem .75rem;min-height:2.9rem}
        .card input:not([type=checkbox]):not([type=radio]),.card select,.card textarea{background:var(--ground)}
        input[aria-invalid]{border-color:var(--bad)!important;border-width:2px!important}
        input.code{font-size:1.35rem;letter-spacing:.28em;font-variant-numeric:tabular-nums;max-width:15rem}
        button,.button{font:inherit;font-weight:600;cursor:pointer;display:inline-block;text-align:center;text-decoration:none;border-radius:.5rem;
        padding:.62rem 1.15rem;min-height:2.9rem;line-height:1.5;background:var(--press);color:var(--on-press);border:1px solid transparent}
        button:hover,.button:hover{filter:brightness(1.08)}
        button.quiet,.button.quiet{background:transparent;color:var(--ink);border-color:var(--edge)}
        button.danger{background:transparent;color:var(--bad);border-color:var(--bad)}
        button.small,.button.small{padding:.3rem .8rem;min-height:2.2rem;font-size:.95rem}
        button.link{background:none;border:0;padding:.3rem 0;min-height:0;color:var(--brand);text-decoration:underline;font-weight:400;
        text-underline-offset:.15em}
        .narrow .block,.block{display:block;width:100%}
        .actions{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;margin-top:1.25rem}
        .wrong{color:var(--bad);font-weight:600}
        .or{display:flex;align-items:center;gap:1rem;color:var(--soft);font-size:.92rem;margin:1.35rem 0}
        .or:before,.or:after{content:"";flex:1;border-top:1px solid var(--line)}
        form[data-passkey]>button.block{margin:.75rem 0}
        h1+.card,h1+.problem,h1+.notice{margin-top:1.25rem}
        .problem,.notice{border-radius:.6rem;border-left:.3rem solid var(--bad);background:var(--bad-ground);padding:.8rem 1.1rem;margin:0 0 1.4rem}
        .notice{border-color:var(--good);background:var(--good-ground)}
        .problem h2{margin:0 0 .2rem;color:var(--bad);font-size:1rem}
        .problem p,.notice p{margin:0}
        .problem a{color:inherit;font-weight:600}
        .secret{font:600 1.15rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--ground);border:1px dashed var(--edge);
        border-radius:.5rem;padding:.7rem .9rem;margin:.6rem 0;overflow-wrap:anywhere;user-select:all}
        .groups span{margin-right:.55em}
        .codes{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.15rem 1.5rem;list-style:none;user-select:text}
        .qr{display:block;width:13rem;max-width:100%;height:auto;border-radius:.6rem;margin:0 0 .5rem}
        .side{display:flex;flex-wrap:wrap;gap:.5rem 1.75rem;align-items:flex-start}
        .side>*{flex:1 1 15rem;min-width:0}
        .side>.qr{flex:0 0 auto}
        :focus-visible{outline:3px solid var(--brass);outline-offset:2px;border-radius:.25rem}
        .problem:focus,.notice:focus{outline:none}
        footer{color:var(--soft);font-size:.9rem;padding-top:2rem;padding-bottom:2rem}
        .narrow footer{max-width:27.5rem}
        @media(max-width:40rem){.tabs ul{flex-wrap:wrap;padding:0 .75rem .4rem}.tabs a{padding:.3rem .5rem}}
        @media(max-width:30rem){.bar .who{order:3;width:100%;margin:0}.actions>*{width:100%}.bar form{margin-left:auto}}
        @media print{.bar,.tabs,footer,.actions{display:none}}
        """);

    /// <summary>As a Content Security Policy names it (level 3 §2.3.1): nothing but this style applies.</summary>
    public static string Hash { get; } = HashOf(Text);

    public static string HashOf(Html text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))}'";
}
