// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import RunLogs
import Testing

@Suite("The report's page")
struct ReportPageTests {
  private static let hostile = "</script><script>alert(1)</script><!-- \" ' & \u{202E}"

  private func page() throws -> ReportPage {
    var staged = SyntheticRun(name: "staged", growths: [300]).run
    staged.name = "staged" + Self.hostile
    staged.path = "/runs/" + Self.hostile
    staged.recipe = "# " + Self.hostile
    staged.overrides = ["a=" + Self.hostile]
    staged.settings = [.init("s" + Self.hostile, Self.hostile)]
    staged.machine = Self.hostile
    staged.lineage = [
      .init(operation: "grown" + Self.hostile, source: Self.hostile, hash: Self.hostile, step: 3)
    ]
    staged.checkpoints = [.init(name: Self.hostile, step: 9, problems: [Self.hostile])]
    let scratch = SyntheticRun(name: "scratch").run
    return ReportPage(
      runs: [staged, scratch],
      comparison: try RunComparison(staged: [staged], scratch: [scratch]))
  }

  @Test("every text is escaped, also in the charts' data")
  func escaping() throws {
    let html = try page().html
    #expect(!html.contains("<script>alert"))
    #expect(!html.contains("<!--"))
    #expect(!html.contains("\u{202E}"))
    // As many scripts end as begin: none was closed early.
    let begun = html.ranges(of: "<script").count
    #expect(begun == html.ranges(of: "</script>").count)
    #expect(html.contains("&lt;/script&gt;&lt;script&gt;alert(1)"))
  }

  @Test("nothing is loaded from outside")
  func selfContained() throws {
    let html = try page().html
    let addresses = html.matches(of: /(https?:)?\/\/[a-z0-9.]+/).map { String($0.output.0) }
    #expect(Set(addresses) == ["http://www.w3.org"])
    for word in [" src=", "@import", "url(http", "fetch(", "XMLHttpRequest", "import("] {
      #expect(!html.contains(word), "\(word)")
    }
    #expect(html.contains("default-src &#39;none&#39;") || html.contains("default-src 'none'"))
  }

  @Test("the charts' data are JSON with as many places as values")
  func data() throws {
    let html = try page().html
    let scripts = html.matches(of: /<script type="application\/json">(.*?)<\/script>/)
    #expect(scripts.count >= 10)
    for script in scripts {
      let object = try JSONSerialization.jsonObject(with: Data(script.output.1.utf8))
      let chart = try #require(object as? [String: Any])
      let series = try #require(chart["series"] as? [[String: Any]])
      #expect(!series.isEmpty)
      for curve in series {
        let (x, y) = (curve["x"] as? [Double], curve["y"] as? [Double])
        #expect(x?.count == y?.count && x?.isEmpty == false)
        #expect(x == x?.sorted())
      }
    }
  }

  @Test("the same runs give the same page")
  func deterministic() throws {
    let first = try page().html
    for _ in 0..<3 { #expect(try page().html == first) }
  }

  @Test("sections stand where there is something to show")
  func sections() throws {
    let all = try page().html
    for heading in [
      "What was saved", "Runs", "Loss", "Stages", "Lineage and checkpoints", "Recipe",
    ] {
      #expect(all.contains("<h2>\(heading)</h2>"), "\(heading)")
    }
    #expect(!all.contains("Verification of growth"))
    let bare = ReportPage(runs: [ReportedRun(name: "new", course: RunCourse())]).html
    for heading in ["What was saved", "Stages", "Lineage", "Recipe", "Verification"] {
      #expect(!bare.contains("<h2>\(heading)"), "\(heading)")
    }
    #expect(bare.contains("nothing was recorded"))
  }

  @Test("trouble stands in a table and at its place in the charts") func trouble() throws {
    var run = SyntheticRun(name: "troubled").run
    let details: [String: LogValue] = [
      "failedStep": 301, "quantity": .text("gradient norm"), "value": .text("inf"),
    ]
    for name in [EventRecord.Name.batchSkipped, .rolledBack, .nonFiniteLoss] {
      run.course.add(
        .event(
          EventRecord(
            event: name, step: 300, tokens: 0, flops: 300e9, seconds: 300, details: details)))
    }
    let html = ReportPage(runs: [run]).html
    #expect(html.contains("<h2>Trouble on the way</h2>"))
    #expect(html.contains("step 301: the gradient norm is inf"))
    #expect(html.contains("went back to step 300"))
    let marks = RunCharts([run]).loss(over: .steps).marks
    #expect(marks.map(\.label) == ["batch left out", "went back", "not finite"])
    #expect(marks.allSatisfy { $0.x == 300 })
    #expect(!(try page().html.contains("Trouble on the way")))
  }

  @Test("identifiers are unique on the page")
  func identifiers() throws {
    let html = try page().html
    let identifiers = html.matches(of: /[ ]id="([^"]*)"/).map { String($0.output.1) }
    #expect(identifiers.count > 20)
    #expect(Set(identifiers).count == identifiers.count)
  }

  @Test("runs that differ only in seed share colour and legend")
  func groups() throws {
    let staged = ([1, 2, 3] as [UInt64]).map {
      SyntheticRun(name: "staged-\($0)", growths: [300], seed: $0).run
    }
    let scratch = ([1, 2, 3] as [UInt64]).map { SyntheticRun(name: "scratch-\($0)", seed: $0).run }
    let page = ReportPage(
      runs: staged + scratch, comparison: try RunComparison(staged: staged, scratch: scratch))
    let chart = try #require(page.charts.first { $0.name == "loss-compute" }?.chart)
    #expect(chart.series.compactMap(\.legend) == ["staged (3 runs)", "from scratch (3 runs)"])
    #expect(Set(chart.series.map(\.colour)) == [0, 1])
    #expect(chart.marks.count == 3)
  }

  @Test("a comparison of ends shows the frontier")
  func frontier() throws {
    let scratch = [500, 1000, 2000].map {
      SyntheticRun(name: "s\($0)", steps: $0, decay: .complete).run
    }
    let staged = SyntheticRun(name: "staged", steps: 800, growths: [300], decay: .complete).run
    let page = ReportPage(
      runs: [staged] + scratch,
      comparison: try RunComparison(staged: [staged], scratch: scratch))
    let chart = try #require(page.charts.first { $0.name == "frontier" }?.chart)
    #expect(chart.series.map(\.points.count) == [3, 1, 3])
    #expect(chart.series[0].points.map(\.x) == [500e9, 1000e9, 2000e9])
    #expect(page.html.contains("Ends against the frontier"))
    #expect(!page.charts.contains { $0.name == "saving" })
  }

  @Test("charts show what the log says")
  func charts() throws {
    let run = SyntheticRun(growths: [500]).run
    let charts = RunCharts([run])
    let loss = charts.loss(over: .compute)
    #expect(loss.x.scale == .logarithmic && loss.y.scale == .logarithmic)
    let validation = try #require(loss.series.last)
    #expect(validation.points.count == 50)
    #expect(validation.points.allSatisfy { abs($0.y / (20 * pow($0.x, -0.05)) - 1) < 1e-9 })
    #expect(loss.marks.map(\.x) == [500e9])
    // The slope is that of the law, in each stage, with a gap between them.
    let slopes = charts.slope.series[0].points
    #expect(slopes.filter { $0.y.isFinite }.allSatisfy { abs($0.y + 0.05) < 1e-6 })
    #expect(slopes.count { $0.y.isNaN } == 1)
    #expect(charts.slope.references.count == 4)
    #expect(charts.throughput.series[0].points.allSatisfy { abs($0.y - 4096) < 1e-6 })
    #expect(charts.speed.series[0].points.allSatisfy { abs($0.y / 1e9 - 1) < 1e-6 })
  }
}
