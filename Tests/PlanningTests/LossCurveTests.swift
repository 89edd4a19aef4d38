// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import RunLogs
import Testing

@Suite struct LossCurveTests {
  private func curve(_ text: String) throws -> LossCurve {
    try LossCurve(csvText: text, name: "c.csv", parameterCount: 1000, tokensPerStep: 100)
  }

  @Test(arguments: [
    "Wall time,Step,Value\n1.5,10,4.5\n2.5,20,4.25\n",
    "step,loss\r\n10,4.5\r\n20,4.25\r\n",
    "\u{FEFF}\"Global_Step\";\"Validation loss\"\n10;4.5\n20;4.25",
    "# a remark\n10\t4.5\n\n20.0\t4.25\n",
    "loss, steps, train loss\n4.5, 10, 9\n, 15, 9\nnan, 16, 9\n4.25, 20, 9\n",
  ])
  func manyHeaders(text: String) throws {
    let curve = try curve(text)
    #expect(curve.points.map(\.step) == [10, 20])
    #expect(curve.points.map(\.loss) == [4.5, 4.25])
    #expect(curve.points.map(\.tokens) == [1000, 2000])
    #expect(curve.points.map(\.flops) == [6e6, 12e6])
    #expect(curve.computeCount == .sixN)
  }

  @Test func columnsOfTokensAndFlops() throws {
    let curve = try curve("step,tokens,flops,validationLoss,loss\n1,7,8e3,4,9\n2,14,16e3,3,9\n")
    #expect(curve.points[1] == .init(step: 2, tokens: 14, flops: 16000, loss: 3))
    #expect(curve.computeCount == .exactProgram)
    #expect(curve.firstPoint(reaching: 3.5)?.step == 2)
    #expect(curve.firstPoint(reaching: 2) == nil)
  }

  @Test(arguments: [
    ("", "c.csv: is empty"),
    ("step,loss\n10,4.5\n", "c.csv: has 1 point; a curve needs at least 2"),
    ("1,2,3\n4,5,6\n", "c.csv:1: has 3 columns and no header"),
    ("time,loss\n1,2\n2,1\n", "c.csv:1: no column of the step among time, loss"),
    ("step,time\n1,2\n2,1\n", "c.csv:1: no column of the loss among step, time"),
    ("step,loss\n1,4\nx,3\n", "c.csv:3: column 1 holds \"x\"; expected a whole number of steps"),
    ("step,loss\n1,4\n2.5,3\n", "c.csv:3: column 1 holds \"2.5\""),
    ("step,loss\n1,4\n1e300,3\n", "c.csv:3: column 1 holds \"1e300\""),
    ("step,loss\n1,4\n2,abc\n", "c.csv:3: column 2 holds \"abc\"; expected a loss in nats"),
    ("step,loss\n1,4\n2,-3\n", "c.csv:3: the loss is -3.0; expected a positive number"),
    ("step,loss\n\n5,4\n5,3\n", "c.csv:4: step and compute do not rise (5 came before)"),
    ("step,loss\n0,4\n5,3\n", "c.csv:2: the step is 0"),
    ("step,loss,flops\n1,4,1\n2,3\n", "c.csv:3: column 3 holds nothing; expected a number"),
  ])
  func errorsNameLineAndRemedy(text: String, message: String) {
    let error = #expect(throws: PlanningError.self) { try curve(text) }
    #expect(error.map { "\($0)".hasPrefix(message) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test func missingFile() {
    let error = #expect(throws: PlanningError.self) {
      try LossCurve(csv: "/nowhere/x.csv", parameterCount: 1, tokensPerStep: 1)
    }
    #expect(error?.code == .fileUnavailable)
    #expect(error?.subject == "/nowhere/x.csv")
  }

  @Test func runLogUpToTheFirstGrowth() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    let writer = try RunLogWriter(path: url.path)
    func evaluation(_ step: Int, _ loss: Double) throws {
      try writer.append(
        .evaluation(
          EvaluationRecord(
            step: step, validationLoss: loss, tokens: 10 * step, flops: 700 * Double(step),
            seconds: 1, targets: 5)))
    }
    try evaluation(0, 6)
    try evaluation(5, 5)
    try evaluation(7, .nan)
    try evaluation(10, 4.5)
    try evaluation(10, 4)
    try writer.append(
      .event(EventRecord(event: .grown, step: 10, tokens: 100, flops: 7000, seconds: 2)))
    try evaluation(20, 3)

    let exact = try LossCurve(runLog: url.path, parameterCount: 3)
    #expect(exact.points.map(\.step) == [5, 10])
    #expect(exact.points.map(\.loss) == [5, 4])
    #expect(exact.points.map(\.flops) == [3500, 7000])
    let sixN = try LossCurve(runLog: url.path, parameterCount: 3, computeCount: .sixN)
    #expect(sixN.points.map(\.flops) == [900, 1800])
  }
}
