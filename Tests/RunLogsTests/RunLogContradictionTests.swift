// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Testing

@Suite("Logs that contradict themselves") struct RunLogContradictionTests {
  private func step(
    _ number: Int, tokens: Int? = nil, flops: Double? = nil, seconds: Double? = nil
  ) -> RunRecord {
    .step(
      StepRecord(
        step: number, loss: 4, tokens: tokens ?? 32 * number, flops: flops ?? 1e3 * Double(number),
        seconds: seconds ?? Double(number), learningRate: 1e-3, gradientNorm: 1, sequences: 4,
        sequenceLength: 8))
  }

  private func evaluation(_ number: Int, flops: Double? = nil) -> RunRecord {
    .evaluation(
      EvaluationRecord(
        step: number, validationLoss: 4, tokens: 32 * number,
        flops: flops ?? 1e3 * Double(number), seconds: Double(number) + 0.5, targets: 8))
  }

  private func event(_ name: EventRecord.Name, _ number: Int, seconds: Double? = nil) -> RunRecord {
    .event(
      EventRecord(
        event: name, step: number, tokens: 32 * number, flops: 1e3 * Double(number),
        seconds: seconds ?? Double(number) + 0.6))
  }

  private var whole: [RunRecord] {
    (1...6).flatMap { number in
      number.isMultiple(of: 2)
        ? [step(number), evaluation(number), event(.checkpoint, number)] : [step(number)]
    }
  }

  private func withLog(_ text: String, _ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data(text.utf8).write(to: url)
    try body(url.path)
  }

  private func contradictions(_ text: String, since start: LoggedProgress? = LoggedProgress())
    throws -> [String]
  {
    var result: [String] = []
    try withLog(text) {
      result = try RunLogAudit(path: $0, since: start).contradictions.map(\.description)
    }
    return result
  }

  private func contradictions(_ records: [RunRecord]) throws -> [String] {
    try contradictions(records.map { $0.jsonLine + "\n" }.joined())
  }

  /// The text of a log as a run writes it.
  private func sealed(_ records: [RunRecord]) throws -> String {
    var text = ""
    try withLog("") { path in
      let writer = try RunLogWriter(path: path)
      for record in records { try writer.append(record) }
      text = try String(contentsOfFile: path, encoding: .utf8)
    }
    return text
  }

  @Test("a log as runs write it has none, with checksums or without, of one session or several")
  func sound() throws {
    #expect(try contradictions(whole).isEmpty)
    #expect(try contradictions(sealed(whole)).isEmpty)
    // A session begins at the time of its checkpoint.
    let sessions = whole + [event("changed", 6, seconds: 6.2), event(.resumed, 6, seconds: 7)]
    #expect(try contradictions(sessions + [step(7, seconds: 8)]).isEmpty)
    let back =
      whole + [event(.rolledBack, 4, seconds: 7), step(5, seconds: 8), step(6, seconds: 9)]
    #expect(try contradictions(back).isEmpty)
    // A log whose first lines an older program wrote.
    let older = whole.map { $0.jsonLine + "\n" }.joined()
    #expect(try contradictions(older + sealed([step(7), step(8)])).isEmpty)
  }

  @Test(
    "tokens that are not the steps' own, values that fall or are none, are told by line and field")
  func fields() throws {
    let none = [
      (
        step(3, tokens: 95), "line 5, tokens: 95 is not the 64 before it and the step's 4 sequences"
      ),
      (step(3, flops: 1999), "line 5, flops: 1999.0 is less than the 2000.0"),
      (step(3, flops: .nan), "line 5, flops: is no number"),
      (step(3, seconds: 2.5), "line 5, seconds: 2.5 is less than the 2.6"),
      (step(3, seconds: -1), "line 5, seconds: -1.0 is not possible"),
    ]
    for (changed, expected) in none {
      var records = whole
      records[4] = changed
      #expect(try contradictions(records).first?.hasPrefix(expected) == true, "\(expected)")
    }
    var records = whole
    records[2] = evaluation(2, flops: 1999)
    #expect(
      try contradictions(records).first?.hasPrefix("line 3, flops: 1999.0 is not the 2000") == true)
  }

  @Test("the first step counts from where the run began")
  func start() throws {
    let text = step(1).jsonLine + "\n"
    let began = LoggedProgress(step: 0, tokens: 7)
    #expect(try contradictions(text, since: began).first?.hasPrefix("line 1, tokens: 32") == true)
    #expect(try contradictions(text, since: nil).isEmpty)
  }

  @Test("any change of a line that a run wrote is told, and so is a checksum that is taken out")
  func checksums() throws {
    let text = try sealed(whole)
    let lines = text.split(separator: "\n").map(String.init)
    for (index, line) in lines.enumerated() {
      for digit in line.indices where line[digit].isNumber {
        var changed = lines
        let other = line[digit] == "1" ? "2" : "1"
        changed[index].replaceSubrange(digit...digit, with: other)
        guard let found = try? contradictions(changed.joined(separator: "\n") + "\n") else {
          continue
        }
        #expect(
          found.contains { $0.hasPrefix("line \(index + 1): was changed") }, "\(changed[index])")
      }
    }
    var stripped = lines
    stripped[3] = step(3).jsonLine
    #expect(
      try contradictions(stripped.joined(separator: "\n") + "\n").first
        == "line 4: has no checksum, as the lines before it have")
  }

  @Test("a repair leaves lines and their checksums as they are, so that a change stays known")
  func repair() throws {
    let lines = try sealed(whole).split(separator: "\n").map(String.init)
    var broken = lines.map { $0.replacing("\"loss\":4.0", with: "\"loss\":3.0") }
    broken.remove(at: 4)
    try withLog(broken.joined(separator: "\n") + "\n") { path in
      try RunLogRepair.repair(path: path, begin: 0, through: 6)
      let audit = try RunLogAudit(path: path, since: LoggedProgress())
      #expect(audit.irregularities.isEmpty)
      #expect(audit.contradictions.map(\.line) == [1, 2, 6, 9, 10])
    }
  }

  @Test("a log behind a link stays where it is when it is cut or put in order")
  func links() throws {
    try withLog(sealed(whole)) { path in
      let link = path + ".link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
      defer { try? FileManager.default.removeItem(atPath: link) }
      try RunLogWriter(path: link, keepingSteps: 3).append(step(4))
      try RunLogRepair.repair(path: link, begin: 0, through: 4)
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
      #expect(target == path)
      #expect(try RunLogReader.records(path: path).last == step(4))
    }
  }
}
