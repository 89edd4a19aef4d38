// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Testing

@Suite("Logs that lost or doubled lines") struct RunLogAuditTests {
  private func step(_ number: Int) -> RunRecord {
    .step(
      StepRecord(
        step: number, loss: 4 - Double(number) / 10, tokens: 32 * number,
        flops: 1e3 * Double(number),
        seconds: Double(number), learningRate: 1e-3, gradientNorm: 1, sequences: 4,
        sequenceLength: 8))
  }

  private func evaluation(_ number: Int) -> RunRecord {
    .evaluation(
      EvaluationRecord(
        step: number, validationLoss: 4, tokens: 32 * number, flops: 1e3 * Double(number),
        seconds: Double(number), targets: 8))
  }

  private func event(_ name: EventRecord.Name, _ number: Int) -> RunRecord {
    .event(
      EventRecord(
        event: name, step: number, tokens: 32 * number, flops: 1e3 * Double(number),
        seconds: Double(number)))
  }

  /// Ten steps with an evaluation and a checkpoint after every second one.
  private var whole: [RunRecord] {
    [event(.started, 0)]
      + (1...10).flatMap { number in
        number.isMultiple(of: 2)
          ? [step(number), evaluation(number), event(.checkpoint, number)] : [step(number)]
      }
  }

  private func withLog(_ records: [RunRecord], _ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(records.map { $0.jsonLine + "\n" }.joined().utf8).write(to: url)
    try body(url.path)
  }

  private func irregularities(
    _ records: [RunRecord], begin: Int? = 0, through: Int? = nil
  ) throws -> [String] {
    var result: [String] = []
    try withLog(records) {
      result = try RunLogAudit(path: $0, begin: begin, through: through).irregularities
        .map(\.description)
    }
    return result
  }

  @Test("a whole log has none, whatever is asked of it")
  func wholeLog() throws {
    #expect(try irregularities(whole).isEmpty)
    for step in 0...10 { #expect(try irregularities(whole, through: step).isEmpty) }
    try withLog(whole) { path in
      let audit = try RunLogAudit(path: path, through: 7)
      #expect(audit.lastStep == 7 && audit.record?.step == 7)
      #expect(audit.lastCheckpoint?.step == 10)
    }
    // Sessions, also of a run that goes on with another's state.
    let sessions = [event(.started, 500), step(501), event(.resumed, 501), step(502)]
    #expect(try irregularities(sessions, begin: 500, through: 502).isEmpty)
    #expect(try irregularities(sessions, begin: nil, through: 502).isEmpty)
    // Going back to an earlier step is told by an event.
    let back = [step(1), step(2), step(3), event("rolledBack", 1), step(2), step(3)]
    #expect(try irregularities(back, through: 3).isEmpty)
  }

  @Test("missing, doubled and shuffled lines are found")
  func findings() throws {
    var records = whole
    records.removeAll { $0 == step(4) || $0 == step(5) || $0 == step(9) }
    #expect(
      try irregularities(records) == ["steps 4 to 5 are missing", "step 9 is missing"])
    #expect(try irregularities(Array(whole.prefix(9)), through: 10).last?.contains("to 10") == true)
    #expect(try irregularities([], through: 3) == ["steps 1 to 3 are missing"])
    #expect(try irregularities(whole, begin: 0, through: 12) == ["steps 11 to 12 are missing"])
    for index in whole.indices {
      var doubled = whole
      doubled.insert(whole[index], at: index)
      #expect(try irregularities(doubled) == ["line \(index + 2) stands twice"])
    }
    var shuffled = whole
    shuffled.swapAt(1, 2)
    #expect(try !irregularities(shuffled).isEmpty)
    #expect(try !irregularities(whole + whole).isEmpty)
    #expect(try irregularities(whole + [evaluation(3)]) == ["line 22 is out of order"])
  }

  @Test("a missing file has lost all steps")
  func missingFile() throws {
    let audit = try RunLogAudit(path: "/nowhere/log.jsonl", begin: 5, through: 9)
    #expect(audit.irregularities == [.missing(6...9)])
  }

  @Test(
    "steps that no run comes to are damage, whatever is asked",
    arguments: [
      Int.min, -1, (1 << 56) + 1, Int.max, Int.max - 1,
    ])
  func hostileSteps(number: Int) throws {
    let asked: [(Int?, Int?)] = [(0, nil), (nil, 10), (Int.max, 5), (Int.min, Int.max)]
    let hostile: RunRecord = .event(
      EventRecord(event: "other", step: number, tokens: 0, flops: 0, seconds: 0))
    for record in [step(1).with(step: number), evaluation(1).with(step: number), hostile] {
      for (line, records) in [(1, [record] + whole), (22, whole + [record] + whole)] {
        for (begin, through) in asked {
          let error = #expect(throws: RunLogsError.self) {
            try irregularities(records, begin: begin, through: through)
          }
          #expect(error?.code == .damagedLine && error?.subject.hasSuffix(":\(line)") == true)
          let words = "step: got \(number); expected an integer from 0 to "
          #expect(error?.message.contains(words) == true)
        }
        try withLog(records) { path in
          #expect(throws: RunLogsError.self) {
            try RunLogRepair.repair(path: path, begin: nil, through: 10)
          }
        }
      }
      // Nothing after the last line is lost with it.
      for records in [[record], whole + [record]] {
        for (begin, through) in asked {
          #expect(
            try irregularities(records, begin: begin, through: through)
              .contains("line \(records.count) is not a record of a run"))
        }
        try withLog(records) { path in
          try RunLogRepair.repair(path: path, begin: nil, through: 10)
          #expect(try RunLogAudit(path: path, through: 10).irregularities.isEmpty)
        }
      }
    }
  }

  @Test("a repair puts records in order, each once, and says what is missing from then on")
  func repair() throws {
    var broken = whole.filter { $0 != step(4) && $0 != step(5) && $0 != step(10) }
    broken.swapAt(1, 2)
    broken.append(contentsOf: broken.prefix(4))
    try withLog(broken) { path in
      try RunLogRepair.repair(path: path, begin: 0, through: 10)
      #expect(try RunLogAudit(path: path, through: 10).irregularities.isEmpty)
      let records = try RunLogReader.records(path: path)
      let steps = records.compactMap { if case .step(let step) = $0 { step.step } else { nil } }
      #expect(steps == [1, 2, 3, 6, 7, 8, 9])
      let gaps = records.compactMap {
        if case .event(let event) = $0, event.event == .logGap { event.details } else { nil }
      }
      #expect(gaps == [["from": 4, "through": 5], ["from": 10, "through": 10]])
      // A run that goes on from there has nothing to repair.
      try RunLogRepair.repair(path: path, begin: 0, through: 10)
      #expect(try RunLogReader.records(path: path) == records)
    }
  }
}

extension RunRecord {
  /// The record with another step.
  fileprivate func with(step number: Int) -> RunRecord {
    switch self {
    case .step(var record):
      record.step = number
      return .step(record)
    case .evaluation(var record):
      record.step = number
      return .evaluation(record)
    case .event(var record):
      record.step = number
      return .event(record)
    }
  }
}
