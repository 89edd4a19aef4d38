// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Documents
import Foundation
import OrderedJSON
import Planning
import Wording

extension RunPlan {
  /// The version that this library writes, and the only one that it reads.
  public static let formatVersion = 1
  /// Plans have some kilobytes.
  private static let largestFile = 16 << 20

  /// The file's bytes: stages in the keys of a recipe, every setting written out, since another
  /// version's defaults must not change a run.
  public func encoded() throws -> Data {
    var object = JSONObject()
    object["formatVersion"] = JSONValue(Self.formatVersion)
    object["origin"] = .string(origin.rawValue)
    object["stages"] = .array(stages.map(\.json))
    object["notes"] = .array(notes.map { .string($0) })
    if let plan {
      object["plan"] = try Document(of: plan).value.sorted()
    }
    return Data(JSONValue.object(object).encoded(.indented) + [UInt8(ascii: "\n")])
  }

  /// Writes the file, whole or not at all.
  func write(to file: URL) throws { try OutputFile.replace(file, with: encoded()) }

  /// Reads a run's file.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` where it is missing, damaged or of another
  ///   version.
  public init(reading file: URL) throws {
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: Self.largestFile) } catch {
      throw StagingError(
        .runUnavailable,
        "\(error.message); a run of stages keeps them there and cannot go on without", subject: path
      )
    }
    try self.init(data, name: path)
  }

  /// Reads the file's bytes.
  ///
  /// - Parameter name: the file, for messages.
  /// - Throws: as ``init(reading:)``.
  public init(_ data: Data, name: String) throws {
    func invalid(_ message: String) -> StagingError {
      StagingError(.runUnavailable, message, subject: name)
    }
    do {
      let value = try Document(parsing: data).value
      try Document(value).check(version: Self.formatVersion...Self.formatVersion)
      guard let origin = value["origin"]?.text.flatMap(Origin.init(rawValue:)),
        case .array(let stages)? = value["stages"], !stages.isEmpty
      else { throw invalid("is no plan of a run: origin or stages are missing") }
      self.init(
        origin: origin, stages: try Self.stages(.array(stages), name: name),
        plan: try value["plan"].map {
          try StagePlan(json: Data($0.encoded(.compact)), name: name)
        },
        notes: Self.texts(value["notes"]))
    } catch let error as DocumentError where error.code == .unsupportedVersion {
      throw invalid(error.message)
    } catch let error as StagingError {
      throw invalid(error.subject == name ? error.message : "\(error)")
    } catch let error as PlanningError {
      throw invalid(error.message)
    } catch {
      throw invalid("is no plan of a run: \(reason(of: error))")
    }
  }

  /// Stages in the keys of a recipe, of which JSON is a part.
  private static func stages(_ value: JSONValue, name: String) throws -> [StageRecipe] {
    let text = String(decoding: value.encoded(.indented), as: UTF8.self)
    return try RecipeDocument(yaml: text, name: name).decode(StageRecipe.list)
  }

  private static func texts(_ value: JSONValue?) -> [String] {
    guard case .array(let values)? = value else { return [] }
    return values.compactMap(\.text)
  }

  /// The stages that a run of a recipe keeps; nil for a recipe without stages.
  ///
  /// A run from before stages were kept has those that its recipe lists.
  static func kept(in directory: RunDirectory, for recipe: Recipe) throws -> RunPlan? {
    guard !recipe.stages.isEmpty || recipe.planning != nil else { return nil }
    let path = directory.plan.path(percentEncoded: false)
    if recipe.planning == nil, !FileManager.default.fileExists(atPath: path) {
      return RunPlan(origin: .recipe, stages: recipe.stages)
    }
    return try RunPlan(reading: directory.plan)
  }
}
