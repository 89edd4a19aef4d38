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

  @Test("a line of any kind that was taken out is missed, wherever it stood but at the end")
  func takenOut() throws {
    let lines = try sealed(whole).split(separator: "\n").map(String.init)
    for index in lines.indices.dropLast() {
      var fewer = lines
      fewer.remove(at: index)
      try withLog(fewer.joined(separator: "\n") + "\n") { path in
        let audit = try RunLogAudit(path: path, since: LoggedProgress())
        let found = audit.contradictions.map(\.description)
        // A step right before another is told by its number alone.
        let isTold = found.first?.hasPrefix("line \(index + 1): was not ") ?? false
        #expect(isTold || !audit.irregularities.isEmpty, "\(index): \(found)")
        let (line, next) = (lines[index], lines[index + 1])
        let isStep = [line, next].allSatisfy { $0.hasPrefix("{\"kind\":\"step\"") }
        #expect(isTold != isStep, "\(index): \(found)")
      }
    }
  }

  @Test("seals that were all taken out are missed where the run says that its log had them")
  func stripped() throws {
    let text = try sealed(whole)
    let bare = text.replacing(/,"after":"[0-9a-f]+","checksum":"[0-9a-f]+"/, with: "")
    let unlinked = text.replacing(/,"after":"[0-9a-f]+"/, with: "")
    try withLog(bare) { path in
      #expect(try RunLogAudit(path: path).contradictions.isEmpty)
      let found = try RunLogAudit(path: path, isSealed: true).contradictions
      #expect(found.map(\.line) == Array(1...whole.count))
      #expect(
        found.first?.description == "line 1: has no checksum, as every line of this log had")
    }
    #expect(unlinked != text && bare != unlinked)
    try withLog(text) { path in
      let found = try RunLogAudit(path: path, isSealed: true).contradictions
      #expect(found.isEmpty)
    }
  }

  @Test("lines of a program that wrote checksums alone are read, and followed by sealed ones")
  func older() throws {
    // As version 1 of the log had them.
    let line = #"{"kind":"event","event":"started","step":0,"tokens":0,"flops":0.0,"seconds":0.0"#
    try withLog(line + ",\"checksum\":\"\(Self.crc(line + "}"))\"}\n") { path in
      #expect(try RunLogAudit(path: path, since: LoggedProgress()).contradictions.isEmpty)
      let writer = try RunLogWriter(path: path)
      for record in whole { try writer.append(record) }
      #expect(try RunLogAudit(path: path, since: LoggedProgress()).contradictions.isEmpty)
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      try Data((lines.dropFirst().joined(separator: "\n") + "\n").utf8).write(
        to: URL(filePath: path))
      #expect(
        try RunLogAudit(path: path).contradictions.first?.description
          == "line 1: was not the first: lines before it were taken out, or the order was changed")
    }
  }

  private static func crc(_ text: String) -> String {
    var value = ~UInt32(0)
    for byte in text.utf8 {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }
    let digits = String(~value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  @Test("a log that a run cuts or goes back in is whole, and what was changed stays known")
  func cutInTheMiddle() throws {
    let growth = [event(.stageEnded, 6, seconds: 6.7), event(.checkpoint, 6, seconds: 6.8)]
    try withLog(sealed(whole + growth + [step(7, seconds: 8)])) { path in
      let writer = try RunLogWriter(path: path, goingOnAt: RunLogMoment(step: 6, growths: 0))
      try writer.append(event(.resumed, 6, seconds: 7))
      try writer.append(step(7, seconds: 8))
      try writer.cut(keepingSteps: 6)
      try writer.append(step(7, seconds: 9))
      let audit = try RunLogAudit(path: path, since: LoggedProgress(), isSealed: true)
      #expect(audit.contradictions.isEmpty && audit.irregularities.isEmpty)
      #expect(
        try RunLogReader.records(path: path)
          == whole + [growth[1], event(.resumed, 6, seconds: 7), step(7, seconds: 9)])
    }
    // A cut mends nothing that it did not do.
    var lines = try sealed(whole + growth).split(separator: "\n").map(String.init)
    lines.remove(at: 2)
    try withLog(lines.joined(separator: "\n") + "\n") { path in
      _ = try RunLogWriter(path: path, goingOnAt: RunLogMoment(step: 6, growths: 0))
      #expect(try RunLogAudit(path: path, isSealed: true).contradictions.map(\.line) == [3])
    }
  }

  @Test("a repair ties lines where it put another before them, and nowhere else")
  func repairedChain() throws {
    var lines = try sealed(whole).split(separator: "\n").map(String.init)
    // Step 3 is lost, and so is the evaluation of step 6.
    lines.remove(at: 10)
    lines.remove(at: 4)
    try withLog(lines.joined(separator: "\n") + "\n") { path in
      try RunLogRepair.repair(path: path, begin: 0, through: 6)
      let audit = try RunLogAudit(path: path, isSealed: true)
      #expect(audit.irregularities.isEmpty)
      #expect(audit.contradictions.map(\.line) == [11])
      #expect(try RunLogReader.records(path: path).count == 11)
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
