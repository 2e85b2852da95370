/**
 * The page at `/` for whoever runs the gateway: live counts as plain HTML that reloads itself, without script, and without
 * anything about a room or a caller. Made from numbers and names of our own; everything is escaped all the same.
 */
import { createHash } from 'node:crypto'

export interface Row {
  readonly name: string
  readonly value: string
  /** How much of its limit is in use, 0 to 1. */
  readonly used?: number
}

export interface Section {
  readonly title: string
  readonly rows: readonly Row[]
}

export interface Page {
  /** Whether everything is well, and in a few words what is not. */
  readonly isWell: boolean
  readonly summary: string
  readonly sections: readonly Section[]
  readonly footer: string
}

const RELOAD_SECONDS = 5
const NEAR_LIMIT = 0.8

const STYLE = `
:root{color-scheme:light dark;--line:#8883;--dim:#667;--well:#1a7f37;--ill:#c0281c}
@media(prefers-color-scheme:dark){:root{--dim:#9aa;--well:#4ac26b;--ill:#ff7b72}}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}
.state{font-weight:600;margin:.2rem 0 1.5rem}
.well{color:var(--well)}.ill{color:var(--ill)}
main{columns:19rem 3;column-gap:3rem}
table{border-collapse:collapse;width:100%;margin-bottom:1.5rem;break-inside:avoid}
caption{text-align:left;font-weight:600;padding:.3rem 0;border-bottom:2px solid var(--line)}
th,td{padding:.25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{text-align:left;font-weight:400;padding-right:1rem}
td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.near{color:var(--ill);font-weight:600}
footer{color:var(--dim);font-size:.85rem}
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Nothing is loaded, run, framed or sent anywhere. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  refresh: String(RELOAD_SECONDS),
}

export function renderPage({ isWell, summary, sections, footer }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${isWell ? '' : '! '}sign-gateway</title>
<style>${STYLE}</style>
</head>
<body>
<h1>sign-gateway</h1>
<p class="state ${isWell ? 'well' : 'ill'}">${isWell ? '●' : '▲'} ${escapeHtml(summary)}</p>
<main>
${sections.map(renderSection).join('\n')}
</main>
<footer>${escapeHtml(footer)} This page reloads every ${RELOAD_SECONDS} seconds.</footer>
</body>
</html>
`
}

function renderSection({ title, rows }: Section): string {
  return `<table>
<caption>${escapeHtml(title)}</caption>
<tbody>
${rows.map(renderRow).join('\n')}
</tbody>
</table>`
}

function renderRow({ name, value, used }: Row): string {
  const isNear = used !== undefined && used >= NEAR_LIMIT
  const share = used === undefined ? '' : ` (${Math.round(used * 100)} %)`
  return `<tr><th scope="row">${escapeHtml(name)}</th><td${isNear ? ' class="near"' : ''}>${escapeHtml(value)}${share}</td></tr>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** 1,234,567 */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** 1.5 MiB */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  let unit = 0
  let rest = value
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024
    unit += 1
  }
  return `${rest.toFixed(unit === 0 || rest >= 100 ? 0 : 1)} ${units[unit] ?? ''}`
}

/** 3 d 4 h, 4 h 5 min, 5 min 6 s, 6 s */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([value]) => value > 0)
  const shown = first === -1 ? [parts[3]] : parts.slice(first, first + 2)
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ')
}
