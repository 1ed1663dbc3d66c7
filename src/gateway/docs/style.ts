/** Light or dark as the reader's system is; nothing is loaded from anywhere. */
export const style = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c1f24;--soft:#5b6470;--line:#e3e6ea;--panel:#f6f7f9;--accent:#9a4a00;--get:#1f6feb;--post:#1a7f4b;--delete:#b42318}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--fg:#e6e8eb;--soft:#9aa4b1;--line:#2a2f37;--panel:#1c2026;--accent:#f0a35e;--get:#79b0ff;--post:#5fd39a;--delete:#ff8a80}}
*{box-sizing:border-box}html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:19rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.5rem 1rem;border-right:1px solid var(--line);font-size:.875rem}
nav ul{list-style:none;margin:0;padding:0}nav>ul>li{margin-top:1rem}nav>ul>li>a{font-weight:600}
nav li li a{display:block;padding:.2rem 0 .2rem .25rem;overflow-wrap:anywhere}
a{color:inherit;text-decoration:none}a:hover,main a{text-decoration:underline}a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.home{font-weight:700;font-size:1rem}
main{padding:2rem clamp(1rem,4vw,3rem) 6rem;max-width:64rem}
h1{margin:0 0 .25rem;font-size:2rem}h2{margin:3rem 0 .25rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{display:flex;flex-wrap:wrap;gap:.6rem;align-items:baseline;margin:0;font-size:1.05rem}
.lead{font-size:1.15rem;color:var(--soft);margin-top:0}.summary,.scope{font-weight:400;color:var(--soft)}
.operation{margin:1.25rem 0;padding:1.1rem 1.25rem;border:1px solid var(--line);border-radius:.6rem}
.operation:target{border-color:var(--accent)}tr:target{background:var(--panel)}
.method{display:inline-block;min-width:3.1em;font:600 .75em ui-monospace,monospace;color:var(--get)}.method.post{color:var(--post)}.method.delete{color:var(--delete)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.875em}
pre{background:var(--panel);border:1px solid var(--line);border-radius:.6rem;padding:1rem;overflow-x:auto}
.scroll{overflow-x:auto}table{width:100%;border-collapse:collapse;margin:.75rem 0;font-size:.9rem}
caption{text-align:left;font-weight:600;padding:.25rem 0}th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:.8rem}tbody th{font-weight:500}.type{color:var(--soft);font-family:ui-monospace,monospace;font-size:.85em}
em{font-style:normal;color:var(--accent)}summary{cursor:pointer;color:var(--soft)}
.statuses{list-style:none;padding:0;margin:.5rem 0 0}.status{display:inline-block;min-width:2.6em;font:600 .85em ui-monospace,monospace;color:var(--post)}.s4{color:var(--accent)}.s5{color:var(--delete)}
@media(max-width:52rem){body{display:block}nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line)}nav ul ul{display:none}}
`
