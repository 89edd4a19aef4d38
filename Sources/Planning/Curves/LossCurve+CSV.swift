// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

extension LossCurve {
  /// Reads a curve from a CSV file.
  ///
  /// With a header, columns are found by name, whatever their case, spaces and underscores: `step`
  /// (also `steps`, `iteration`, `global step`), `loss` (also `value`, `validation loss`,
  /// `val loss`, `eval loss`), and where they are there `tokens` and `flops`; others are ignored.
  /// Without a header the columns are step and loss. Rows whose loss is empty or not finite are left
  /// out, as trackers write them where nothing was measured.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - parameterCount: parameters without embeddings.
  ///   - tokensPerStep: tokens of an optimizer step, for files without a column of tokens.
  ///   - flopsPerToken: operations per token, for files without a column of operations; nil for
  ///     6 · N.
  /// - Throws: ``PlanningError`` that names the file, the line and the remedy.
  public init(
    csv path: String, parameterCount: Double, tokensPerStep: Double, flopsPerToken: Double? = nil
  ) throws {
    try self.init(
      CSVTable(path: path), parameterCount: parameterCount, tokensPerStep: tokensPerStep,
      flopsPerToken: flopsPerToken)
  }

  /// Reads a curve from the text of a CSV file, as ``init(csv:parameterCount:tokensPerStep:flopsPerToken:)``.
  public init(
    csvText text: String, name: String, parameterCount: Double, tokensPerStep: Double,
    flopsPerToken: Double? = nil
  ) throws {
    try self.init(
      CSVTable(text: text, name: name), parameterCount: parameterCount,
      tokensPerStep: tokensPerStep, flopsPerToken: flopsPerToken)
  }

  init(
    _ table: CSVTable, parameterCount: Double, tokensPerStep: Double, flopsPerToken: Double?
  ) throws {
    try Self.checkParameterCount(parameterCount, table.name)
    try PlanningError.checkValue(PlanningError.tokensPerStep.contains(tokensPerStep), table.name) {
      "\(PlanningError.text(tokensPerStep)) tokens a step; expected a positive number, at most 2^53"
    }
    let columns = try CurveColumns(table)
    var points: [Point] = []
    for row in table.rows.dropFirst(columns.hasHeader ? 1 : 0) {
      guard let loss = try columns.loss(row) else { continue }
      let step = try columns.step(row)
      let tokens = try columns.number(row, columns.tokens) ?? Double(step) * tokensPerStep
      let flops =
        try columns.number(row, columns.flops)
        ?? tokens * (flopsPerToken ?? 6 * parameterCount)
      let point = Point(step: step, tokens: tokens, flops: flops, loss: loss)
      if let problem = Self.problem(of: point, after: points.last) {
        throw PlanningError(.malformedCurve, problem, subject: "\(table.name):\(row.line)")
      }
      points.append(point)
    }
    try self.init(
      name: table.name, parameterCount: parameterCount,
      computeCount: columns.flops == nil && flopsPerToken == nil ? .sixN : .exactProgram,
      points: points)
  }
}

/// Which columns of a table hold what.
private struct CurveColumns {
  let name: String
  let hasHeader: Bool
  private let stepColumn: Int
  private let lossColumn: Int
  let tokens: Int?
  let flops: Int?

  init(_ table: CSVTable) throws {
    name = table.name
    guard let first = table.rows.first else {
      throw PlanningError(
        .malformedCurve, "is empty; expected lines of step and loss", subject: table.name)
    }
    hasHeader = !first.cells.contains { Double($0) != nil }
    guard hasHeader else {
      guard first.cells.count == 2 else {
        throw PlanningError(
          .malformedCurve,
          "has \(counted(first.cells.count, "column")) and no header; give two columns, step and loss, or a "
            + "first line with their names", subject: "\(table.name):\(first.line)")
      }
      (stepColumn, lossColumn, tokens, flops) = (0, 1, nil, nil)
      return
    }
    let names = first.cells.map(Self.plain)
    func find(_ candidates: [String]) -> Int? {
      candidates.lazy.compactMap { names.firstIndex(of: $0) }.first
    }
    func need(_ candidates: [String], _ what: String) throws -> Int {
      if let index = find(candidates) { return index }
      throw PlanningError(
        .malformedCurve,
        "no column of the \(what) among \(first.cells.joined(separator: ", ").excerpt); name one "
          + "\"\(what)\"", subject: "\(table.name):\(first.line)")
    }
    stepColumn = try need(["step", "steps", "globalstep", "iteration", "iterations"], "step")
    lossColumn = try need(
      ["validationloss", "valloss", "evalloss", "loss", "value"], "loss")
    tokens = find(["tokens", "tokensseen"])
    flops = find(["flops", "compute"])
  }

  /// A column's name in lower case, letters only.
  private static func plain(_ name: String) -> String { name.lowercased().filter(\.isLetter) }

  func step(_ row: CSVTable.Row) throws -> Int {
    guard stepColumn < row.cells.count, let value = Double(row.cells[stepColumn]),
      let step = Int(exactly: value)
    else { throw malformed(row, stepColumn, "a whole number of steps") }
    return step
  }

  /// The loss; nil where none was measured.
  func loss(_ row: CSVTable.Row) throws -> Double? {
    guard lossColumn < row.cells.count, !row.cells[lossColumn].isEmpty else { return nil }
    guard let loss = Double(row.cells[lossColumn]) else {
      throw malformed(row, lossColumn, "a loss in nats")
    }
    return loss.isFinite ? loss : nil
  }

  /// A number of a column that may be missing.
  func number(_ row: CSVTable.Row, _ column: Int?) throws -> Double? {
    guard let column else { return nil }
    guard column < row.cells.count, let value = Double(row.cells[column]), value.isFinite else {
      throw malformed(row, column, "a number")
    }
    return value
  }

  private func malformed(_ row: CSVTable.Row, _ column: Int, _ expected: String) -> PlanningError {
    let got = column < row.cells.count ? "\"\(row.cells[column])\"" : "nothing"
    return PlanningError(
      .malformedCurve, "column \(column + 1) holds \(got); expected \(expected)",
      subject: "\(name):\(row.line)")
  }
}
