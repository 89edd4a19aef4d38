// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Testing

@Suite("Run log files") struct RunLogFileTests {
  /// Calls `body` with the path of a log in a folder of its own.
  private func withLog(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appendingPathComponent("log.jsonl").path)
  }

  private func step(_ number: Int) -> RunRecord {
    .step(
      StepRecord(
        step: number, loss: 1 / Double(number), tokens: number * 10, flops: Double(number),
        seconds: 0, learningRate: 1e-3, gradientNorm: 1, sequences: 1, sequenceLength: 10))
  }

  private func event(_ name: EventRecord.Name, _ step: Int) -> RunRecord {
    .event(EventRecord(event: name, step: step, tokens: step * 10, flops: 0, seconds: 0))
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private func append(_ text: String, to path: String) throws {
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }

  @Test("records appear at once and in order, over several writers") func appends() throws {
    try withLog { path in
      let writer = try RunLogWriter(path: path)
      try writer.append(step(1))
      #expect(try RunLogReader.records(path: path) == [step(1)])
      try writer.append(step(2))
      try writer.synchronize()
      try RunLogWriter(path: path).append(step(3))
      #expect(try RunLogReader.records(path: path, damagedEnd: .fail) == (1...3).map(step))
    }
  }

  @Test(
    "a count that no run has is damage, and sums of counts are none",
    arguments: ["-1", "9223372036854775807", "-9223372036854775808", "72057594037927937", "1e300"])
  func hostileCounts(number: String) throws {
    try withLog { path in
      let line = step(1).jsonLine
      for key in ["step", "tokens", "sequences", "sequenceLength"] {
        let changed = line.replacing(try Regex("\"\(key)\":[0-9]+"), with: "\"\(key)\":\(number)")
        try Data("\(changed)\n\(line)\n".utf8).write(to: URL(filePath: path))
        let error = #expect(throws: RunLogsError.self) { try RunLogReader.records(path: path) }
        #expect(
          error?.code == .damagedLine
            && (number == "1e300" || error?.message.contains(key) == true), "\(changed)")
      }
    }
  }

  /// Values that a key may have, and others that look like them.
  private static let values = [
    "7", "0", "-0", "-1", "07", "1.5", "1.", ".5", "+1", "1e3", "1E3", "1e+30", "1e-30", "1e",
    "1e999",
    "-", "", "null", "nul", "true", "\"7\"", "[7]", "7 ", " 7", "0x7", "NaN", "inf",
    "72057594037927936", "72057594037927937", "99999999999999999999", "1.00000000000000000000001",
  ]

  @Test("what a resume takes for a record is what a report takes, for every key and value")
  func oneRule() throws {
    let lines = [
      step(1).jsonLine.replacing(
        "}", with: ",\"gradientNoiseScale\":1.5,\"criticalBatchTokens\":12.0}"),
      RunRecord.evaluation(
        EvaluationRecord(
          step: 1, validationLoss: 3.5, tokens: 10, flops: 1e3, seconds: 2, targets: 8,
          validationTokens: 9)
      ).jsonLine,
    ]
    try withLog { path in
      for line in lines {
        for key in line.matches(of: /"([A-Za-z]+)":[0-9.e+-]+/).map({ String($0.1) }) {
          for value in Self.values {
            let changed = line.replacing(
              try Regex("\"\(key)\":[0-9.e+-]+"), with: "\"\(key)\":\(value)")
            try Data("\(changed)\n\(step(1).jsonLine)\n".utf8).write(to: URL(filePath: path))
            let isRecord = (try? RunLogReader.records(path: path)) != nil
            #expect((try? RunLogAudit(path: path)) != nil || !isRecord, "\(changed)")
            #expect((try? RunLogAudit(path: path)) == nil || isRecord, "\(changed)")
            #expect(((try? RunLogWriter(path: path)) != nil) == isRecord, "\(changed)")
          }
        }
      }
    }
  }

  @Test("a record with a word too many, or none of its end, is none for anybody")
  func tornAndLengthened() throws {
    let line = step(1).jsonLine
    try withLog { path in
      for changed in [line + "}", line + " x", String(line.dropLast())] {
        try Data("\(changed)\n\(step(2).jsonLine)\n".utf8).write(to: URL(filePath: path))
        #expect(throws: RunLogsError.self) { try RunLogReader.records(path: path) }
        #expect(throws: RunLogsError.self) { try RunLogAudit(path: path) }
        #expect(throws: RunLogsError.self) { try RunLogWriter(path: path) }
      }
    }
  }

  @Test("what lies beyond a growth that the state has not come through is cut, and nothing else")
  func beyondGrowth() throws {
    let before = [event(.started, 0), step(1), step(2), event(.checkpoint, 2)]
    let growth = [event(.stageEnded, 2), event(.grown, 2), event(.verified, 2)]
    let large = [event(.stageStarted, 2), step(3), event(.checkpoint, 3)]
    try withLog { (path: String) throws in
      func kept(_ records: [RunRecord], _ moment: RunLogMoment) throws -> [RunRecord] {
        try Data(records.map { $0.jsonLine + "\n" }.joined().utf8).write(to: URL(filePath: path))
        _ = try RunLogWriter(path: path, goingOnAt: moment)
        return try RunLogReader.records(path: path)
      }
      let all = before + growth + large
      #expect(try kept(all, RunLogMoment(step: 2)) == before + growth + large.prefix(1))
      #expect(try kept(all, RunLogMoment(step: 2, growths: 0)) == before)
      #expect(
        try kept(all, RunLogMoment(step: 2, growths: 1)) == before + growth + large.prefix(1))
      #expect(try kept(all, RunLogMoment(step: 3, growths: 1)) == all)
      // Of a stage without a step, too.
      let twice = before + growth + large.prefix(1) + growth
      #expect(
        try kept(twice, RunLogMoment(step: 2, growths: 1)) == before + growth + large.prefix(1))
      #expect(try kept(twice, RunLogMoment(step: 2, growths: 2)) == twice)
      // Nothing was saved: the run begins anew.
      #expect(
        try kept(before, RunLogMoment(step: 0, isBeginning: true)).isEmpty)
      let changed = event(.changed, 0)
      #expect(
        try kept([changed] + before, RunLogMoment(step: 0, isBeginning: true)) == [changed])
    }
  }

  @Test("a pipe in a log's place is refused at once") func pipe() throws {
    try withLog { path in
      #expect(mkfifo(path, 0o600) == 0)
      let error = #expect(throws: RunLogsError.self) { try RunLogReader.records(path: path) }
      #expect(error?.description == "\(path): is a pipe, not a file; is it the log of a run?")
    }
  }

  @Test("a log longer than the reader's buffer is read whole") func long() throws {
    try withLog { path in
      let writer = try RunLogWriter(path: path)
      let records = (1...1500).map(step)
      for record in records { try writer.append(record) }
      #expect(try text(path).utf8.count > 3 << 16)
      #expect(try RunLogReader.records(path: path) == records)
    }
  }

  @Test("a torn last line is cut before anything is appended", arguments: [1, 10, 60])
  func tornEnd(_ kept: Int) throws {
    try withLog { path in
      let writer = try RunLogWriter(path: path)
      try writer.append(step(1))
      try append(String(step(2).jsonLine.prefix(kept)), to: path)
      #expect(try RunLogReader.records(path: path) == [step(1)])
      #expect(throws: RunLogsError.self) {
        try RunLogReader.records(path: path, damagedEnd: .fail)
      }
      try RunLogWriter(path: path).append(step(2))
      #expect(try RunLogReader.records(path: path, damagedEnd: .fail) == [step(1), step(2)])
    }
  }

  @Test("damage before the end names its line") func damage() throws {
    try withLog { path in
      try Data((step(1).jsonLine + "\n???\n" + step(2).jsonLine + "\n").utf8)
        .write(to: URL(fileURLWithPath: path))
      var reader = try RunLogReader(path: path)
      #expect(try reader.next() == step(1))
      let error = #expect(throws: RunLogsError.self) { try reader.next() }
      #expect(error?.code == .damagedLine)
      #expect(error?.subject == "\(path):2")
      let refusal = #expect(throws: RunLogsError.self) { try RunLogWriter(path: path) }
      #expect(refusal?.subject == "\(path):2")
    }
  }

  @Test("a resumed run's step records equal an unbroken run's") func resume() throws {
    try withLog { path in
      let writer = try RunLogWriter(path: path)
      try writer.append(event(.started, 0))
      for number in 1...3 { try writer.append(step(number)) }
      try writer.append(event(.checkpoint, 3))
      for number in 4...6 { try writer.append(step(number)) }
      try append(#"{"kind":"st"#, to: path)

      let resumed = try RunLogWriter(path: path, keepingSteps: 3)
      try resumed.append(event(.resumed, 3))
      for number in 4...8 { try resumed.append(step(number)) }

      let records = try RunLogReader.records(path: path, damagedEnd: .fail)
      let steps = records.filter { if case .step = $0 { true } else { false } }
      #expect(steps == (1...8).map(step))
      #expect(records.contains(event(.checkpoint, 3)))
      #expect(records.count == 8 + 3)
      let files = try FileManager.default.contentsOfDirectory(
        atPath: (path as NSString).deletingLastPathComponent)
      #expect(files == ["log.jsonl"])
    }
  }

  @Test("a run that goes back while it lives cuts its log and goes on with it") func goBack() throws
  {
    try withLog { path in
      let writer = try RunLogWriter(path: path)
      for number in 1...5 { try writer.append(step(number)) }
      try writer.cut(keepingSteps: 2)
      try writer.append(event(.rolledBack, 2))
      try writer.append(step(3))
      #expect(
        try RunLogReader.records(path: path, damagedEnd: .fail)
          == [step(1), step(2), event(.rolledBack, 2), step(3)])
    }
  }

  @Test("a log with nothing to cut keeps its file") func untouched() throws {
    try withLog { path in
      let writer = try RunLogWriter(path: path)
      try writer.append(step(1))
      _ = try RunLogWriter(path: path, keepingSteps: 1)
      // The first writer still writes to the same file.
      try writer.append(step(2))
      #expect(try RunLogReader.records(path: path) == [step(1), step(2)])
    }
  }

  @Test("a missing log and a missing folder are errors that name the path") func missing() throws {
    try withLog { path in
      let error = #expect(throws: RunLogsError.self) { try RunLogReader(path: path) }
      #expect(error?.code == .fileUnavailable)
      #expect(error?.subject == path)
      #expect(throws: RunLogsError.self) { try RunLogWriter(path: path + "/below/log.jsonl") }
    }
  }
}
