// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Documents
import Foundation
import Wording

extension StagePlan {
  /// More stages than any search proposes.
  private static let mostStages = 64
  /// Plans have some kilobytes.
  private static let largestFile = 16 << 20

  /// Reads the file of a plan that `espalier plan -o` wrote.
  ///
  /// - Throws: ``PlanningError`` of code `fileUnavailable` where there is no readable file, else as
  ///   ``init(json:name:)``.
  public init(reading file: URL) throws {
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: Self.largestFile) } catch {
      throw PlanningError(
        .fileUnavailable, "\(error.message); expected the plan that `espalier plan -o` writes",
        subject: path)
    }
    try self.init(json: data, name: path)
  }

  /// Reads a plan that `espalier plan -o` wrote.
  ///
  /// - Parameter name: the file, for messages.
  /// - Throws: ``PlanningError`` of code `invalidState`, with file, line and key, where it is none, has
  ///   another version, or no training could follow it.
  public init(json data: Data, name: String) throws {
    do {
      let document: Document
      do { document = try Document(parsing: data) } catch {
        throw PlanningError(.invalidState, error.placed(in: data, file: name))
      }
      try self.init(document, at: .root, in: data, name: name)
    } catch var error as PlanningError {
      error.remedy = "make a plan with `espalier plan -o`"
      throw error
    }
  }

  /// Reads a plan that stands in a file.
  ///
  /// - Parameters:
  ///   - path: where in the file.
  ///   - data: the file's bytes.
  ///   - name: the file, for messages.
  /// - Throws: as ``init(json:name:)``.
  package init(_ document: Document, at path: DocumentPath, in data: Data, name: String) throws {
    do {
      try Self.refuseKept(document, at: path)
      try document.check(
        version: Self.formatVersion...Self.formatVersion, key: "version", at: path)
      self = try document.decode(at: path)
      try check(at: path)
    } catch let error as DocumentError {
      throw PlanningError(.invalidState, error.placed(in: data, file: name))
    } catch {
      throw PlanningError(.invalidState, reason(of: error), subject: name)
    }
  }
}

extension StagePlan {
  /// Checks that a training can follow the plan.
  ///
  /// - Throws: `DocumentError` with the place.
  private func check(at path: DocumentPath) throws {
    let list = path.appending("stages")
    guard (1...Self.mostStages).contains(stages.count) else {
      throw Self.invalid(
        list, "has \(counted(stages.count, "stage")); expected 1 to \(Self.mostStages)")
    }
    for (index, stage) in stages.enumerated() {
      try stage.check(at: list.appending(index), isLast: index + 1 == stages.count)
    }
    guard PlanningError.tokensPerStep.contains(tokensPerStep) else {
      throw Self.invalid(
        path.appending("tokensPerStep"),
        "got \(PlanningError.text(tokensPerStep)); expected a positive number, at most 2^53")
    }
  }

  /// Refuses the stages that a run keeps for itself, which lie under a name that plans have, too.
  private static func refuseKept(_ document: Document, at path: DocumentPath) throws {
    let value = document.value
    guard value["origin"] != nil, value["formatVersion"] != nil, value["version"] == nil else {
      return
    }
    throw invalid(
      path, "holds the stages that a run keeps for itself, and is no plan to be followed")
  }

  fileprivate static func invalid(_ path: DocumentPath, _ message: String) -> DocumentError {
    DocumentError(.invalidValue, message, subject: path.description)
  }
}

extension StagePlan.Stage {
  private static let mostSteps = 1 << 48

  fileprivate func check(at path: DocumentPath, isLast: Bool) throws {
    do { try model.validate() } catch let error as ArchitecturesError {
      throw StagePlan.invalid(path.appending("model").appending(error.subject), error.message)
    }
    for (key, count, least) in [("steps", steps, 1), ("effectiveStart", effectiveStart, 0)]
    where !(least...Self.mostSteps).contains(count) {
      throw StagePlan.invalid(
        path.appending(key), "got \(count); expected an integer from \(least) to 2^48")
    }
    guard (growth == nil) == isLast else {
      throw StagePlan.invalid(
        path.appending("growth"),
        isLast
          ? "nothing follows the last stage; remove this key"
          : "this key is missing; every stage but the last ends with a growth")
    }
    if let ratio = growth?.growthRatio, !(ratio.isFinite && ratio >= 1) {
      throw StagePlan.invalid(
        path.appending("growth").appending("growthRatio"),
        "got \(PlanningError.text(ratio)); expected 1 or more: a larger model is not slower, counted in "
          + "steps, to the same loss")
    }
  }
}
