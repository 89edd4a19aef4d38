// SPDX-License-Identifier: Apache-2.0

/// The report's colours and layout, for light and dark.
enum PageStyle {
  /// Colours of the palette before it begins again with dashed lines.
  static let colourCount = 7

  /// The palette of Okabe and Ito, which readers with any colour vision tell apart, without its
  /// yellow, which nobody sees on white; in the dark somewhat lighter.
  private static let light = [
    "#0072b2", "#d55e00", "#008f6a", "#b8548f", "#b97a00", "#3a9bd0", "#5a5a5a",
  ]
  private static let dark = [
    "#5cb8f0", "#ff8f4a", "#3fd0a4", "#e79cc8", "#f0b840", "#a5dcff", "#c0c0c0",
  ]

  private static func colours(_ palette: [String]) -> String {
    palette.enumerated().map { "--c\($0):\($1);" }.joined()
  }

  private static let variables = """
    :root{color-scheme:light dark;--page:#ffffff;--card:#ffffff;--ink:#1b1f24;--soft:#59636e;\
    --grid:#e3e6ea;--grid-minor:#f1f3f5;--axis:#8b949e;--edge:#d8dde3;--bad:#b42318;--good:#1a7f37;\
    \(colours(light))}
    @media (prefers-color-scheme:dark){:root{--page:#0f1419;--card:#151b22;--ink:#e6e9ed;\
    --soft:#9aa5b1;--grid:#2a323c;--grid-minor:#1d242c;--axis:#6b7785;--edge:#2c3540;--bad:#ff7b72;\
    --good:#56d364;\(colours(dark))}}

    """

  private static let shapes = """
    .chart{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
    .chart text{fill:var(--soft)}
    .chart .key,.chart .label{fill:var(--ink)}
    .chart .tick{font-variant-numeric:tabular-nums}
    .chart .major{stroke:var(--grid)}
    .chart .minor{stroke:var(--grid-minor)}
    .chart .axis{stroke:var(--axis)}
    .chart .reference{stroke:var(--axis);stroke-dasharray:2 3}
    .chart .leader{stroke:var(--axis)}
    .chart .mark{stroke-dasharray:5 4;stroke-width:1.2}
    .chart .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
    .chart .faint{fill:none;stroke-width:1;opacity:.45}
    .chart .band{opacity:.13}
    .chart .again.line{stroke-dasharray:6 4}

    """

  private static let series = (0..<colourCount).map { index in
    ".chart .c\(index){stroke:var(--c\(index))}"
      + ".chart .dot.c\(index),.chart .band.c\(index){fill:var(--c\(index));stroke:none}\n"
  }.joined()

  /// What a chart needs.
  static let chart = variables + shapes + series

  /// What the page needs beside its charts.
  static let page = """
    *{box-sizing:border-box}
    body{margin:0;background:var(--page);color:var(--ink);\
    font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
    main{max-width:1120px;margin:0 auto;padding:24px 20px 64px}
    h1{font-size:24px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
    h2{font-size:18px;margin:40px 0 12px}
    h3{font-size:14px;margin:0 0 8px;font-weight:600;overflow-wrap:anywhere}
    p{margin:0 0 12px;max-width:75ch}
    .soft{color:var(--soft)}
    .small{font-size:13px}
    .bad{color:var(--bad);font-weight:600}
    .good{color:var(--good)}
    .grid{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr))}
    .card{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:14px;\
    min-width:0;position:relative;margin:0 0 16px}
    .grid .card{margin:0}
    .grid+.card,.grid+.card+.card{margin-top:16px}
    figure.card h3{padding:0 2px}
    .card svg{display:block;width:100%;height:auto;touch-action:pan-y}
    .wide-only{display:block}.narrow-only{display:none}
    .narrow-only svg{max-width:600px;margin:0 auto}
    @media (max-width:840px){.wide-only{display:none}.narrow-only{display:block}}
    @media (max-width:700px){main{padding:16px 10px 40px}.card{padding:10px}td.name{max-width:170px}}
    .table{overflow-x:auto;margin:0 0 16px;border:1px solid var(--edge);border-radius:8px}
    table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:7px 12px;border-bottom:1px solid var(--edge);vertical-align:top}
    tr:last-child td,tr:last-child th{border-bottom:0}
    thead th{color:var(--soft);font-weight:600;white-space:nowrap}
    td.number,th.number{text-align:right;white-space:nowrap}
    td.name,th.name{white-space:nowrap;max-width:320px;overflow:hidden;text-overflow:ellipsis}
    td.words{min-width:11em}
    code,pre{font:12.5px/1.5 ui-monospace,'SF Mono',Menlo,'DejaVu Sans Mono',monospace}
    pre{margin:0;padding:14px;overflow-x:auto}
    details{border:1px solid var(--edge);border-radius:8px;margin:0 0 12px}
    summary{cursor:pointer;padding:9px 14px;font-weight:600;overflow-wrap:anywhere}
    details pre{border-top:1px solid var(--edge)}
    .tiles{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(min(100%,200px),1fr));\
    margin:16px 0}
    .tile{border:1px solid var(--edge);border-radius:8px;padding:12px 14px}
    .tile b{display:block;font-size:24px;line-height:1.3;font-weight:650}
    .swatch{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
    ol.lineage{list-style:none;margin:0;padding:0 0 0 4px}
    ol.lineage li{position:relative;padding:0 0 12px 22px;overflow-wrap:anywhere}
    ol.lineage li::before{content:"";position:absolute;left:0;top:7px;width:9px;height:9px;\
    border-radius:50%;background:var(--c0)}
    ol.lineage li::after{content:"";position:absolute;left:4px;top:16px;bottom:-7px;width:1px;\
    background:var(--axis)}
    ol.lineage li:last-child::after{display:none}
    ol.lineage li.saved::before{background:var(--card);border:2px solid var(--c0)}
    .tip{position:absolute;pointer-events:none;z-index:2;background:var(--card);color:var(--ink);\
    border:1px solid var(--axis);border-radius:6px;padding:6px 9px;font-size:12.5px;line-height:1.45;\
    box-shadow:0 3px 12px #0003;max-width:min(90%,320px);font-variant-numeric:tabular-nums}
    .tip[hidden]{display:none}
    .hover{stroke:var(--ink);opacity:.5}
    ul{margin:0 0 12px;padding-left:20px}
    @media print{.card,details,.table{break-inside:avoid}}

    """ + (0..<colourCount).map { ".s\($0){background:var(--c\($0))}\n" }.joined()
}
